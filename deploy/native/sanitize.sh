#!/usr/bin/env bash
# sanitize.sh address|thread: builds tests with that sanitizer and runs them (make test-asan, test-tsan).
# SUITES="HTTPTests SocketsTests" runs those only. Needs the sanitizer's runtime in the toolchain.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
. "$(dirname "${BASH_SOURCE[0]}")/swift.sh"
kind=${1:-}
case $kind in address | thread) ;; *) fail 2 "sanitize.sh address|thread" ;; esac
find_swift
find_scratch
cd "$root" || exit 1

# What is ours from the socket up: the C libraries (libpq, librdkafka, hiredis) are not built with the
# sanitizers, which then report their locks as races and miss what they do (docs/fuzzing.md).
suites=${SUITES:-BasicsTests TelemetryTests ResilienceTests ConfigurationTests CryptoTests SocketsTests HTTPTests HTTPServerTests Conformance FuzzTests}
place=${SANITIZE_BUILD:-$scratch/$kind}
log=$place/test.log
mkdir -p "$place"

# A program of three lines says more about this machine than a thousand lines of build output.
probe=$place/probe
mkdir -p "$probe"
printf 'print((0..<3).map { $0 * 2 }.count)\n' >"$probe/main.swift"
if ! "$swift"c -sanitize="$kind" -o "$probe/main" "$probe/main.swift" >"$probe/log" 2>&1; then
    cat "$probe/log" >&2
    fail 3 "this toolchain cannot link the $kind sanitizer (libclang_rt.${kind:0:1}san is missing); those of swift.org can."
fi
# ThreadSanitizer needs its shadow memory where newer kernels may put libraries; without random
# addresses it always fits.
steady=()
if [ "$("$probe/main" 2>"$probe/log")" != 3 ]; then
    steady=(setarch "$(uname -m)" -R)
    if [ "$("${steady[@]}" "$probe/main" 2>>"$probe/log")" != 3 ]; then
        cat "$probe/log" >&2
        fail 3 "a program with the $kind sanitizer does not run here. Memory layout: sysctl vm.mmap_rnd_bits (28 is good)," \
            "and a container must allow personality(ADDR_NO_RANDOMIZE)."
    fi
    say "addresses are not randomized for this run: the sanitizer does not start otherwise"
fi

only=$(printf '%s' "$suites" | tr -s ' ' ',')
began=$SECONDS
say "building $only with the $kind sanitizer in $place"
run env MERCATO_ONLY="$only" "$swift" build --build-tests --sanitize="$kind" --scratch-path "$place" >"$place/build.log" 2>&1 || {
    tail -n 60 "$place/build.log" >&2
    fail 1 "the build failed; all of it is in $place/build.log"
}
say "built in $((SECONDS - began)) s; testing"

# Contended locks of Swift's Mutex would be reported as races (tsan-mutex.c says why).
preload=
if [ "$kind" = thread ]; then
    clang=$(dirname "$(readlink -f "$swift")")/clang
    [ -x "$clang" ] || clang=$(command -v clang || true)
    if [ -n "$clang" ] && "$clang" -shared -fPIC -O1 -o "$place/tsan-mutex.so" deploy/native/tsan-mutex.c >>"$probe/log" 2>&1; then
        preload=$place/tsan-mutex.so
    else
        say "no clang beside swift: expect false reports where two threads want one Mutex"
    fi
fi

# Every report ends the test run with a code of its own, and stays readable in the log.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0:halt_on_error=1:exitcode=66}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=0:exitcode=66:second_deadlock_stack=1}
export SWIFT_BACKTRACE=${SWIFT_BACKTRACE:-enable=no}
# Left out: hundreds of messages to a server, each in every split, which take minutes under a sanitizer
# (FuzzTests does the same to the parsers alone); and a bound of memory, of which sanitizers take more.
tests() {
    env MERCATO_ONLY="$only" ${preload:+"LD_PRELOAD=$preload"} "${steady[@]+"${steady[@]}"}" "$swift" test --skip-build --disable-xctest --sanitize="$kind" \
        --scratch-path "$place" --skip 'a case gives the same result at every split' \
        --skip 'with memory as it was' --experimental-maximum-parallelization-width "${MERCATO_TEST_WIDTH:-2}" 2>&1 | tee "$log"
    return "${PIPESTATUS[0]}"
}
run tests >/dev/null
status=$?
grep -E '^[^ ]+ +Test .*(failed after|recorded an issue)|^(WARNING|ERROR|SUMMARY)|==ERROR' "$log" | sort | uniq -c | head -n 40
reports=$(grep -cE '^SUMMARY: (Address|Thread)Sanitizer' "$log")
say "$(grep -E 'Test run with' "$log" | tail -n 1)" "$kind sanitizer: $reports reports, exit code $status; the log is $log"
[ "$status" -eq 0 ] && [ "$reports" -eq 0 ]
