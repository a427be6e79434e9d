#!/usr/bin/env bash
# make bench-http: builds ProbeTarget (release) and measures it beside its peers; see README.md.
#   ROUNDS=9 RUN_SECONDS=2 ONLY=json,idle,… PROBE=path of a ProbeTarget that is built already
# More arguments go to bench.py.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../../../deploy/native/common.sh"
command -v python3 >/dev/null || fail 3 "python3 not found: sudo apt-get install --no-install-recommends python3"
find_scratch

probe=${PROBE:-}
if [ -z "$probe" ]; then
    . "$root/deploy/native/swift.sh"
    find_swift
    cd "$root"
    say "building ProbeTarget (release) in $scratch"
    run env MERCATO_ONLY=ProbeTarget "$swift" build -c release --static-swift-stdlib \
        --product ProbeTarget --scratch-path "$scratch" >&2 || fail 1 "the build failed; its messages are above"
    probe=$scratch/release/ProbeTarget
fi

arguments=(--probe "$probe" --folder "$scratch/bench-http")
[ -z "${ROUNDS:-}" ] || arguments+=(--rounds "$ROUNDS")
[ -z "${RUN_SECONDS:-}" ] || arguments+=(--seconds "$RUN_SECONDS")
[ -z "${ONLY:-}" ] || arguments+=(--only "$ONLY")
exec python3 "$here/bench.py" "${arguments[@]}" "$@"
