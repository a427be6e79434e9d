#!/usr/bin/env bash
# Mercato with Docker Compose: what `make images|up|down|logs|clean` do.
#   deploy/docker/compose.sh images | up | down | clean | logs [SERVICE...] | engine (does one answer?)
# Settings come from the environment and from .env at the root (.env.example lists them).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../native/common.sh"
cd "$root"

# Every profile, so that what was started with one is also ended.
compose=(docker compose --profile "*")
# A terminal shows the progress in place; elsewhere it would be a hundred lines.
[ -t 1 ] || export COMPOSE_PROGRESS=quiet

# setting KEY DEFAULT: from the environment, else from .env, as Compose itself looks.
setting() {
    local value=${!1:-}
    if [ -z "$value" ] && [ -f .env ]; then
        value=$(sed -n "s/^$1=//p" .env | tail -n 1 | sed -E "s/^([\"'])(.*)\\1\$/\\2/")
    fi
    printf '%s\n' "${value:-$2}"
}

have_compose() { command -v docker >/dev/null && docker compose version >/dev/null 2>&1; }

need_engine() {
    command -v docker >/dev/null || fail 3 "there is no docker on PATH." \
        "Docker Engine 20.10+ with Compose 2.24+ is needed: https://docs.docker.com/engine/install/" \
        "(without containers: make demo)"
    docker compose version >/dev/null 2>&1 || fail 3 "docker has no Compose plugin." \
        "Install docker-compose-plugin: https://docs.docker.com/compose/install/linux/"
    local answer
    answer=$(docker version --format '{{.Server.Version}}' 2>&1) || fail 3 "no Docker engine answers:" \
        "  $(printf '%s\n' "$answer" | tail -n 1)" "Start it, or become a member of its group."
}

# Compose names a missing secret only when it starts a container, and not what to do about it.
need_secrets() {
    local file missing=() closed=()
    while IFS= read -r file; do
        if [ ! -f "$file" ]; then
            missing+=("$file")
        elif [ ! -s "$file" ]; then
            missing+=("$file (it is empty)")
        elif case $(stat -L -c %A "$file") in *r??) false ;; *) true ;; esac then
            closed+=("$file")
        fi
    done < <("${compose[@]}" config | awk '/^[a-z]/ { inside = ($1 == "secrets:") } inside && $1 == "file:" { sub(/^ *file: /, ""); print }')
    [ ${#missing[@]} -eq 0 ] || fail 3 "a secret is missing: ${missing[@]}" \
        "Make the file, with the value as its one line; MERCATO_SECRETS (in .env) names its folder." \
        "The demo's own come with the sources: git checkout deploy/docker/secrets"
    [ ${#closed[@]} -eq 0 ] || fail 3 "a container cannot read its secret: ${closed[@]}" \
        "The programs run as user 10001 and PostgreSQL as 999: chmod o+r the file."
}

# The gateway runs as user 10001, and reads the file that is mounted into it.
need_policies() {
    local file
    file=$("${compose[@]}" config | awk '
        $1 == "source:" { source = $0; sub(/^ *source: /, "", source) }
        $1 == "target:" && $2 == "/etc/mercato/policies.yaml" { print source }')
    [ -f "$file" ] || fail 3 "the gateway's policies are no file: $file" "MERCATO_POLICIES names it (.env.example)."
    case $(stat -L -c %A "$file") in
    *r??) ;;
    *) fail 3 "the gateway cannot read its policies: $file" "It runs as user 10001: chmod o+r the file." ;;
    esac
}

# The words that end up in the images' labels.
revision() {
    MERCATO_REVISION=${MERCATO_REVISION:-$(git rev-parse HEAD 2>/dev/null || echo unknown)}
    export MERCATO_REVISION
}

images() {
    revision
    say "building the images; the first time takes some minutes"
    local began=$SECONDS
    "${compose[@]}" build --quiet
    say "images built in $((SECONDS - began)) s"
}

published() { # published SERVICE PORT: where it can be reached from here; empty when it does not run
    "${compose[@]}" port "$1" "$2" 2>/dev/null || true
}

address() { # address LABEL SERVICE PORT [PATH]
    local where
    where=$(published "$2" "$3")
    if [ -n "$where" ]; then printf '  %-12s http://%s%s\n' "$1" "$where" "${4:-}"; fi
}

addresses() {
    say ""
    address shop gateway 8080 /
    address "public API" gateway 8080 /openapi.yaml
    address admin gateway 8081 "/admin/status   (bearer token: $(setting MERCATO_SECRETS deploy/docker/secrets)/admin_token)"
    address traces jaeger 16686 "/search?service=gateway"
    address Prometheus prometheus 9090 /
    address Grafana grafana 3000 /
    say "" "  make logs S=order, make check ON=compose, make down (keeps the data), make clean (removes it)"
    if [ -z "$(published prometheus 9090)" ]; then
        say "  Prometheus and Grafana: docker compose --profile observability up -d --wait"
    fi
}

up() {
    need_engine
    need_secrets
    need_policies
    images
    local began=$SECONDS
    if ! docker compose up -d --wait --wait-timeout "$(setting MERCATO_WAIT_SECONDS 300)"; then
        say "" "these are not healthy:" >&2
        docker compose ps -a --format '{{.Service}}: {{.Status}}' | grep -v '(healthy)\|Exited (0)' >&2 || true
        fail 5 "not everything came up; docker compose logs SERVICE says why"
    fi
    say "everything is healthy after $((SECONDS - began)) s; a smoke checkout:" ""
    docker compose run --rm -T ctl smoke || fail 1 "the smoke checkout failed; see above"
    addresses
}

case ${1:-} in
engine) need_engine ;;
images)
    need_engine
    images
    ;;
up) up ;;
down)
    need_engine
    "${compose[@]}" down --remove-orphans
    ;;
logs)
    need_engine
    shift
    exec "${compose[@]}" logs --tail 200 --follow "$@"
    ;;
clean)
    # Without an engine nothing of ours can be there; the native data is removed by another script.
    if have_compose && docker version >/dev/null 2>&1; then
        "${compose[@]}" down --volumes --remove-orphans
    fi
    ;;
*)
    sed -n '2,4p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
