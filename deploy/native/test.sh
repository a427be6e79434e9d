#!/usr/bin/env bash
# make test: install what the tests need, one debug build, one `swift test`; the last lines count what
# passed, failed and was skipped, with the reasons.
set -uo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
. "$here/common.sh"
. "$here/swift.sh"
find_swift
"$here/install.sh" --tests || exit $?
find_scratch
cd "$root" || exit 1
log=${MERCATO_TEST_RESULTS:-$scratch/test.log}
mkdir -p "$(dirname "$log")"

began=$SECONDS
say "building (debug) in $scratch"
run "$swift" build --build-tests --scratch-path "$scratch" || fail 1 "the build failed; its messages are above"
built=$((SECONDS - began))
say "built in $built s; testing"

# A thousand tests that all begin at once starve each other, and time-outs measure the queue. Where the
# toolchain can, so many run side by side; most of them wait for a server most of the time.
width=${MERCATO_TEST_WIDTH:-16}
bounded=()
if "$swift" test --help-hidden 2>/dev/null | grep -q -- --experimental-maximum-parallelization-width; then
    bounded=(--experimental-maximum-parallelization-width "$width")
fi

# --disable-xctest: all tests are Swift Testing's. The build is done, so nothing is built here.
tests() { "$swift" test --skip-build --disable-xctest --scratch-path "$scratch" ${bounded[@]+"${bounded[@]}"} "$@" 2>&1 | tee "$log"; return "${PIPESTATUS[0]}"; }
run tests "$@"
status=$?

# One line for each test that ended: `✔ Test "its name" [with 3 test cases] passed after 0.1 seconds.`
# Cases of a test, suites and the run have lines of their own; a name may hold any of these words.
ended() { grep -E "^[^ ]+ +Test (\"[^\"]*\"|[^ \"]+\(.*\))( with [0-9]+ test cases?)? $1" "$log"; }
passed=$(ended 'passed after [0-9]' | wc -l)
failed=$(ended 'failed after [0-9]' | wc -l)
skipped=$(ended 'skipped' | wc -l)
say ""
ended 'skipped' | sed -E 's/^[^ ]+ +Test /skipped: /' | sort -u
ended 'failed after [0-9]' | sed -E 's/^[^ ]+ +Test /failed:  /' | sort -u
say "build $built s, tests $((SECONDS - began - built)) s"
say "$passed passed, $failed failed, $skipped skipped"
if [ "$status" -eq 0 ] && [ "$passed" -eq 0 ]; then fail 1 "no test ran"; fi
[ "$status" -eq 0 ] || exit 1
