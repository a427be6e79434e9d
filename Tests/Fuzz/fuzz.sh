#!/usr/bin/env bash
# make fuzz: the HTTP parsers under libFuzzer, one target after the other, each for a bounded time.
# TARGET=request|response|chunks|writer (default: all), FUZZ_SECONDS=60 for each, FUZZ_SANITIZE=address adds
# AddressSanitizer. Corpora grow in the build folder from run to run. Exit code 1: something was found.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../../deploy/native/common.sh"
. "$here/../../deploy/native/swift.sh"
find_swift
find_scratch
cd "$root" || exit 1
seconds=${FUZZ_SECONDS:-60}
targets=${TARGET:-request response chunks writer}
build=${FUZZ_BUILD:-$scratch/fuzz}
sanitize=(--sanitize=fuzzer)
[ -z "${FUZZ_SANITIZE:-}" ] || { build=$build-$FUZZ_SANITIZE; sanitize+=(-Xswiftc "-sanitize=fuzzer,$FUZZ_SANITIZE"); }
work=$build/work

case $seconds in *[!0-9]* | '' | 0) fail 2 "FUZZ_SECONDS is not a number of seconds: $seconds" ;; esac
for target in $targets; do
    case $target in request | response | chunks | writer) ;; *) fail 2 "no such target: $target (request, response, chunks, writer)" ;; esac
done

say "building with libFuzzer in $build"
mkdir -p "$build"
if ! run env MERCATO_FUZZ=1 MERCATO_ONLY=FuzzMain "$swift" build -c release "${sanitize[@]}" --scratch-path "$build" >"$build/build.log" 2>&1; then
    cat "$build/build.log" >&2
    fail 1 "the build failed. It needs a toolchain with libFuzzer's runtime (libclang_rt.fuzzer), as those of swift.org have."
fi
program=$build/release/FuzzMain

# statistic NAME: from libFuzzer's last lines.
statistic() { sed -n "s/^stat::$1: *//p" "$log" | tail -n 1; }

found=0
for target in $targets; do
    corpus=$work/$target/corpus seeds=$work/$target/seeds crashes=$work/$target/crashes
    log=$work/$target/log
    rm -rf "$seeds"
    mkdir -p "$corpus" "$seeds" "$crashes"
    given=$(MERCATO_FUZZ_TARGET=$target MERCATO_FUZZ_SEEDS=$seeds "$program") || fail 1 "the seeds of $target cannot be read"
    say "$target: $given, $(find "$corpus" -type f | wc -l) inputs of earlier runs; fuzzing for $seconds s"
    # One process. Inputs of half a KiB reach every limit, since each is also parsed under tiny ones. Swift's
    # own backtraces come before libFuzzer's handler and would lose the input.
    run env SWIFT_BACKTRACE=enable=no MERCATO_FUZZ_TARGET="$target" "$program" -max_total_time="$seconds" -max_len=512 -timeout=20 \
        -rss_limit_mb=1024 -dict="$here/http.dict" -artifact_prefix="$crashes/" -print_final_stats=1 \
        "$corpus" "$seeds" >"$log" 2>&1
    status=$?
    cover=$(grep -o 'cov: [0-9]* ft: [0-9]*' "$log" | tail -n 1)
    say "$target: $(statistic number_of_executed_units) execs, $(statistic average_exec_per_sec)/s, ${cover:-no coverage}," \
        "    corpus $(find "$corpus" -type f | wc -l), peak $(statistic peak_rss_mb) MB, crashes $((status != 0))"
    [ "$status" -ne 0 ] || continue
    found=1
    input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    grep -E 'a property of|^  seen|^ERROR|ERROR: |Fatal error|SUMMARY' "$log" | cut -c 1-400 | head -n 6
    if [ -z "$input" ]; then
        say "the run ended with $status; see $log"
        continue
    fi
    say "reproduce:  MERCATO_FUZZ_TARGET=$target $program $input" \
        "shorten:    SWIFT_BACKTRACE=enable=no MERCATO_FUZZ_TARGET=$target $program -minimize_crash=1 -max_total_time=30 -artifact_prefix=$crashes/ $input" \
        "as a line for Tests/Fixtures/HTTP/$target.seeds, once it is mended:" \
        "            MERCATO_FUZZ_TARGET=$target MERCATO_FUZZ_ESCAPE=$input $program"
done
exit "$found"
