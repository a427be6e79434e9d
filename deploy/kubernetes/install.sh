#!/usr/bin/env bash
# Brings Mercato into a Kubernetes cluster and proves that it works there. Both ways go through here:
#
#   install.sh kind-up     make a kind cluster if there is none, then as below with its own commands
#   install.sh kind-down   remove that cluster and all its data
#   install.sh install     the cluster that KUBECONFIG and its context name
#   install.sh test        place an order there and verify the books
#   install.sh tools       is there what `make test-k8s` needs?
#
# Environment, each with its default:
#   IMAGE_LOAD             command that takes image names and brings them into the cluster; empty: the
#                          cluster pulls them itself (set MERCATO_REGISTRY then)
#   MERCATO_REGISTRY       registry of our images; empty: the Docker engine's, built by `make images`
#   MERCATO_TAG            dev
#   MERCATO_NAMESPACE      mercato; made and labelled so that the restricted Pod Security level holds
#   MERCATO_RELEASE        mercato
#   MERCATO_VALUES         a values file of yours
#   HELM_ARGS              more arguments of `helm upgrade --install`, as in "--set gateway.replicas=3"
#   MERCATO_READY_SECONDS  300; how long pods may take to become ready
#   MERCATO_PORT_GATEWAY   8080; where kind's gateway answers on 127.0.0.1
#   KIND_CLUSTER           mercato
#   KIND_IMAGE             node image; empty: the newest kindest/node that the engine has, else kind's own
#
# Exit codes are those of mercatoctl: 1 the order or the books are wrong, 3 something is missing, 4 a
# port is in use, 5 the start failed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

namespace=${MERCATO_NAMESPACE:-mercato}
release=${MERCATO_RELEASE:-mercato}
tag=${MERCATO_TAG:-dev}
registry=${MERCATO_REGISTRY:-}
cluster=${KIND_CLUSTER:-mercato}
port=${MERCATO_PORT_GATEWAY:-8080}
ready_seconds=${MERCATO_READY_SECONDS:-300}
case $release in *mercato*) full=$release ;; *) full=$release-mercato ;; esac
context=()
values=()
loader=()
began=$SECONDS

say() { printf '[%3d s] %s\n' $((SECONDS - began)) "$*"; }
fail() {
    local code=$1
    shift
    printf 'mercato: %s\n' "$@" >&2
    exit "$code"
}
kube() { kubectl ${context[@]+"${context[@]/#/--context=}"} "$@"; }
chart() { helm ${context[@]+"${context[@]/#/--kube-context=}"} "$@"; }

needs() { # needs PROGRAM WHERE-TO-GET-IT
    command -v "$1" >/dev/null || fail 3 "$1 is not on PATH; install it: $2"
}
needs_tools() {
    needs kubectl https://kubernetes.io/docs/tasks/tools/
    needs helm https://helm.sh/docs/intro/install/
}
needs_engine() {
    needs docker https://docs.docker.com/engine/install/
    docker version >/dev/null 2>&1 || fail 3 "no Docker engine answers: start it, or set DOCKER_HOST"
}

# --- Images ------------------------------------------------------------------------------------------

ours=(gateway cart order inventory payment payment-provider mercatoctl)

render() {
    helm template "$release" "$root/helm/mercato" --namespace "$namespace" "${values[@]}"
}

# Ours are built when the engine does not have them; of the public ones it brings along what it has,
# and the cluster pulls the rest.
bring_images() {
    [ ${#loader[@]} -gt 0 ] || return 0
    needs_engine
    local images=() missing=() name rendered
    if [ -z "$registry" ]; then
        for name in "${ours[@]}"; do
            images+=("mercato/$name:$tag")
            docker image inspect "mercato/$name:$tag" >/dev/null 2>&1 || missing+=("mercato/$name:$tag")
        done
        if [ ${#missing[@]} -gt 0 ]; then
            say "building ${missing[*]}"
            make -C "$root" --no-print-directory images
        fi
    fi
    rendered=$(render | sed -n 's/^ *image: //p' | tr -d '"' | sort -u)
    for name in $rendered; do
        case " ${images[*]-} " in *" $name "*) continue ;; esac
        docker image inspect "$name" >/dev/null 2>&1 && images+=("$name")
    done
    say "loading ${#images[@]} images"
    "${loader[@]}" "${images[@]}" >/dev/null || fail 5 "this could not load the images: ${loader[*]}"
    # A tag that stays the same moves no pod; another image does.
    values+=(--set-string
        "pod.annotations.images=$(docker image inspect -f '{{.Id}}' "${images[@]}" | cksum | cut -d' ' -f1)")
}

# --- Installing --------------------------------------------------------------------------------------

needs_cluster() {
    kube version >/dev/null 2>&1 || fail 3 \
        "no cluster answers; which one: kubectl config current-context, KUBECONFIG=${KUBECONFIG:-not set}"
}

install() {
    needs_cluster
    [ -z "$registry" ] || values+=(--set-string "images.registry=$registry")
    values+=(--set-string "images.tag=$tag")
    [ -z "${MERCATO_VALUES:-}" ] || values+=(--values "$MERCATO_VALUES")
    # Split on purpose: several arguments in one variable.
    # shellcheck disable=SC2206
    values+=(${HELM_ARGS:-})
    # What the values say wrongly is said before anything is loaded.
    render >/dev/null || fail 2 "the chart refuses these values"
    bring_images
    kube get namespace "$namespace" >/dev/null 2>&1 || kube create namespace "$namespace" >/dev/null
    kube label namespace "$namespace" --overwrite \
        pod-security.kubernetes.io/enforce=restricted pod-security.kubernetes.io/warn=restricted >/dev/null
    say "installing release $release into the namespace $namespace"
    chart upgrade --install "$release" "$root/helm/mercato" --namespace "$namespace" "${values[@]}" \
        >/dev/null || fail 5 "helm could not install the chart"
    wait_ready
}

# One line for each part that is not there yet: "name have/want".
waiting() {
    kube -n "$namespace" get deployments,statefulsets -l "app.kubernetes.io/instance=$release" --no-headers \
        -o custom-columns='N:.metadata.name,G:.metadata.generation,O:.status.observedGeneration,W:.spec.replicas,U:.status.updatedReplicas,R:.status.readyReplicas,A:.status.replicas' |
        awk '{ for (i = 2; i <= 7; i++) $i += 0 }
             $2 != $3 || $5 != $4 || $6 != $4 || $7 != $4 { print $1, $6 "/" $4 }'
    kube -n "$namespace" get jobs -l "app.kubernetes.io/instance=$release" --no-headers \
        -o custom-columns='N:.metadata.name,S:.status.succeeded' 2>/dev/null |
        awk '$2 != 1 { print $1, "0/1" }'
}

# Why pods are not ready, in their own words.
causes() {
    local pod reason said
    kube -n "$namespace" get pods -l "app.kubernetes.io/instance=$release" --no-headers \
        -o custom-columns='N:.metadata.name,P:.status.phase,R:.status.conditions[?(@.type=="Ready")].status,W:.status.containerStatuses[0].state.waiting.reason' |
        awk '$2 != "Succeeded" && $3 != "True" { print $1, $4 }' | head -n 16 |
        while read -r pod reason; do
            said=
            if [ "$reason" != "<none>" ]; then
                said="$reason $(kube -n "$namespace" get pod "$pod" -o jsonpath='{.status.containerStatuses[0].state.waiting.message} {.status.containerStatuses[0].lastState.terminated.message}' | tail -n 1)"
            fi
            [ -n "$said" ] && [ "$reason" != CrashLoopBackOff ] ||
                said="${said:+$said: }$(kube -n "$namespace" logs "$pod" --tail=20 2>/dev/null | last_words)"
            printf '         %s: %s\n' "$pod" "${said:-has not said anything yet}"
        done
}

# The last trouble in a log, else its last line; of our JSON lines only what a person wants to know.
last_words() {
    awk '/"level":"(warning|error)"/ { trouble = $0 } { last = $0 } END { print trouble ? trouble : last }' |
        sed -E 's/^\{.*"msg":"(([^"\\]|\\.)*)".*"error":"(([^"\\]|\\.)*)".*/\1: \3/; s/^\{.*"msg":"(([^"\\]|\\.)*)".*/\1/; s/\\"/"/g'
}

wait_ready() {
    # What waits for a database that is still starting is no trouble yet.
    local end=$((SECONDS + ready_seconds)) told=$((SECONDS + 10)) left
    while left=$(waiting) && [ -n "$left" ]; do
        if [ "$SECONDS" -ge "$end" ]; then
            say "not ready after $ready_seconds s: $(tr '\n' ',' <<<"$left")"
            causes
            fail 5 "the release does not become ready; the lines above say why" \
                "more: kubectl -n $namespace describe pods; kubectl -n $namespace logs POD"
        fi
        if [ $((SECONDS - told)) -ge 20 ]; then
            told=$SECONDS
            say "waiting for $(tr '\n' ',' <<<"$left")"
            causes
        fi
        sleep 1
    done
    say "all pods are ready"
}

# --- Proving -----------------------------------------------------------------------------------------

smoke() {
    say "placing an order (helm test)"
    chart test "$release" --namespace "$namespace" --timeout 3m >/dev/null || {
        kube -n "$namespace" logs "$full-test-checkout" >&2 || true
        fail 1 "the order was not confirmed, or the books do not add up"
    }
    kube -n "$namespace" logs "$full-test-checkout" | sed 's/^/         /'
}

# --- kind --------------------------------------------------------------------------------------------

kind_tools() {
    needs kind https://kind.sigs.k8s.io/docs/user/quick-start/
    needs_engine
    needs_tools
}

kind_exists() { kind get clusters 2>/dev/null | grep -qx "$cluster"; }

kind_make() {
    local image=${KIND_IMAGE:-} config
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        fail 4 "port $port is in use; end whoever has it, or set MERCATO_PORT_GATEWAY to another one"
    fi
    [ -n "$image" ] || image=$(docker images kindest/node --format '{{.Repository}}:{{.Tag}}' |
        grep -v '<none>' | sort -V | tail -n 1)
    config=$(sed "s/hostPort: 8080/hostPort: $port/" "$root/deploy/kind/cluster.yaml")
    say "making the kind cluster $cluster${image:+ of $image}"
    kind create cluster --name "$cluster" ${image:+--image "$image"} --config - --wait 120s -q \
        <<<"$config" || fail 5 "kind could not make the cluster"
}

kind_port() {
    docker port "$cluster-control-plane" 30080/tcp | head -n 1 | sed 's/.*://'
}

case ${1:-} in
kind-up)
    kind_tools
    context=("kind-$cluster")
    loader=(kind load docker-image --name "$cluster")
    values=(--values "$root/deploy/kind/values.yaml")
    if kind_exists; then say "the kind cluster $cluster is there already"; else kind_make; fi
    install
    smoke
    say "Mercato is up: http://127.0.0.1:$(kind_port)/"
    printf '%s\n' "         kubectl --context kind-$cluster -n $namespace get pods" \
        "         make kind-down removes the cluster and its data"
    ;;
kind-down)
    needs kind https://kind.sigs.k8s.io/docs/user/quick-start/
    needs_engine
    if kind_exists; then
        kind delete cluster --name "$cluster" -q
        say "the kind cluster $cluster is gone, and its data with it"
    else
        say "there is no kind cluster $cluster"
    fi
    ;;
install)
    needs_tools
    # Split on purpose: a command with its arguments.
    # shellcheck disable=SC2206
    loader=(${IMAGE_LOAD:-})
    values=(--values "$root/deploy/kubernetes/values.yaml")
    install
    say "Mercato is up in the namespace $namespace of $(kube config current-context)"
    printf '%s\n' "         kubectl -n $namespace port-forward service/$full-gateway 8080:80" \
        "         then: http://127.0.0.1:8080/"
    ;;
test)
    needs_tools
    needs_cluster
    chart status "$release" --namespace "$namespace" >/dev/null 2>&1 || fail 3 \
        "there is no release $release in the namespace $namespace: make k8s-install" \
        "(another one: MERCATO_RELEASE, MERCATO_NAMESPACE)"
    smoke
    ;;
# Whether what the tests need is there: with IMAGE_LOAD a cluster, else all that makes one.
tools)
    if [ -n "${IMAGE_LOAD:-}" ]; then
        needs_tools
        needs_cluster
    else
        kind_tools
    fi
    ;;
*)
    sed -n '2,10p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//' >&2
    exit 2
    ;;
esac
