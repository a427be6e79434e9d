#!/usr/bin/env bash
# make demo: install what is missing, build, then hand over to `mercatoctl demo`.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
. "$here/common.sh"
. "$here/swift.sh"
find_swift
"$here/install.sh"
find_scratch
build_release
find_mercatoctl || fail 1 "the build left no mercatoctl in $scratch"
exec "$mercatoctl" demo "$@"
