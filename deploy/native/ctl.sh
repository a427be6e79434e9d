#!/usr/bin/env bash
# Runs the mercatoctl that was built here. `down` and `clean` need nothing to have been built: without
# a mercatoctl nothing was ever started.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
find_scratch 2>/dev/null
if ! find_mercatoctl; then
    case "$*" in
    down | clean)
        say "nothing was built, so nothing runs"
        exit 0
        ;;
    chaos*)
        # It speaks to docker or kubectl from this machine, as no container can.
        fail 3 "mercatoctl is not built yet, and no container may do this to others: make build"
        ;;
    *" --on compose")
        ctl_container "$1"
        ;;
    *) fail 3 "mercatoctl is not built yet: make build" ;;
    esac
fi
exec "$mercatoctl" "$@"
