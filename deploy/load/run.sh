#!/usr/bin/env bash
# make load: customers at a fixed rate, a table and a verdict. k6 sends them when it is on PATH,
# mercatoctl itself otherwise (or with GENERATOR=mercatoctl); both write the same report.
#
#   PROFILE=browse|checkout|flash RATE=10 DURATION=1m ON=native|compose|kubernetes
#   SEED=1 STOCK=50 BOUND=accepted_p99_ms=300,… JSON=report.json GENERATOR=k6|mercatoctl
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../native/common.sh"
find_scratch 2>/dev/null

profile=${PROFILE:-checkout}
arguments=(load --profile "$profile" --rate "${RATE:-10}" --duration "${DURATION:-1m}")
[ -z "${SEED:-}" ] || arguments+=(--seed "$SEED")
[ -z "${STOCK:-}" ] || arguments+=(--stock "$STOCK")
[ -z "${BOUND:-}" ] || arguments+=(--bound "$BOUND")
[ "${ALLOW_REMOTE:-}" != 1 ] || arguments+=(--allow-remote)

# Without a build there is the image, inside the project's network: another host, and meant.
if ! find_mercatoctl; then
    case ${ON:-} in
    compose) ;;
    *) fail 3 "mercatoctl is not built yet: make build (with ON=compose its image is enough)" ;;
    esac
    ctl_container "${arguments[@]}" --allow-remote
fi

[ -z "${ON:-}" ] || arguments+=(--on "$ON")
report=${JSON:-$scratch/load/$profile.json}
mkdir -p "$(dirname "$report")"
arguments+=(--json "$report")
case ${GENERATOR:-} in
k6) arguments+=(--k6 "$here") ;;
mercatoctl) ;;
"") ! command -v k6 >/dev/null || arguments+=(--k6 "$here") ;;
*) fail 2 "GENERATOR is k6 or mercatoctl, not \"$GENERATOR\"" ;;
esac
status=0
"$mercatoctl" "${arguments[@]}" || status=$?
[ ! -e "$report" ] || say "" "report: $report"
exit "$status"
