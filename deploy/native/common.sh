# Shared by the scripts of this folder: where things are, and a clean end.
# Sourced by bash; sets `root` and `scratch`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# say LINE...
say() { printf '%s\n' "$@"; }

# fail CODE LINE...: the exit codes are those of mercatoctl (3: something is missing).
fail() {
    local code=$1
    shift
    printf 'mercato: %s\n' "$@" >&2
    exit "$code"
}

# Where the compiler puts its results. A .build made by another user (say, by root) cannot be written
# to; then a folder of one's own is used, and said so.
find_scratch() {
    scratch=$root/.build
    if [ -n "${MERCATO_BUILD:-}" ]; then
        scratch=$MERCATO_BUILD
        return
    fi
    local probe=$scratch
    [ -e "$probe" ] || probe=$root
    if [ ! -w "$probe" ] || { [ -e "$scratch/build.db" ] && [ ! -w "$scratch/build.db" ]; }; then
        scratch=${XDG_CACHE_HOME:-$HOME/.cache}/mercato/build
        say "$root/.build belongs to another user; building in $scratch instead" >&2
        mkdir -p "$scratch" || fail 3 "cannot make $scratch; set MERCATO_BUILD to a folder of yours"
    fi
}

# The newest mercatoctl that was built: release, else debug.
find_mercatoctl() {
    local kind
    for kind in release debug; do
        if [ -x "$scratch/$kind/mercatoctl" ]; then
            mercatoctl=$scratch/$kind/mercatoctl
            return 0
        fi
    done
    return 1
}

# ctl_container ARGUMENT...: the mercatoctl of the Compose project, where none was built here.
ctl_container() {
    command -v docker >/dev/null || fail 3 "mercatoctl is not built yet, and there is no docker on PATH for its image:" \
        "make build, or https://docs.docker.com/engine/install/"
    cd "$root" || exit 1
    exec docker compose run --rm -T ctl "$@"
}

# All descendants of a process, parents first.
descendants() {
    local child
    for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do
        printf '%s\n' "$child"
        descendants "$child"
    done
}

# run COMMAND...: runs it in a process group of its own and takes it down, compilers included, when
# this script is told to end. (A shell that just waits for its foreground command would leave it
# running when only the shell gets the signal.)
run() {
    local status=0
    set -m
    "$@" </dev/null &
    local child=$!
    set +m
    trap 'stop_run '"$child"' 130' INT
    trap 'stop_run '"$child"' 143' TERM HUP
    wait "$child" || status=$?
    trap - INT TERM HUP
    return "$status"
}

stop_run() {
    local child=$1 code=$2 all tries=0 pid
    # Nothing may cut this short, not even a process that is gone already.
    set +e
    trap '' INT TERM HUP
    all=$(descendants "$child")
    kill -INT -- "-$child" 2>/dev/null
    while kill -0 "$child" 2>/dev/null && [ "$tries" -lt 50 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    # Compilers may lead groups of their own.
    for pid in "$child" $all; do kill -KILL "$pid" 2>/dev/null; done
    wait "$child" 2>/dev/null
    say "interrupted; nothing is left running" >&2
    exit "$code"
}
