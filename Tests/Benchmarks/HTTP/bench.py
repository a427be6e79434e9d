#!/usr/bin/env python3
"""Measures the HTTP server beside its peers; README.md says how. Started by run.sh."""

import argparse
import json
import os
import sys
import time

sys.dont_write_bytecode = True

from harness import figures, idle, instructions, large, machine, mallocs, slow, throughput, tls  # noqa: E402
from harness.peers import Peers  # noqa: E402

PARTS = ["json", "idle", "mallocs", "kept", "instructions", "slow", "large", "tls"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--probe", required=True, help="the ProbeTarget that is measured")
    parser.add_argument("--folder", required=True, help="where peers, logs and results go")
    parser.add_argument("--only", help=f"some of: {','.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=2, help="of each run of wrk")
    parser.add_argument("--path", default="/json", help="for mallocs and instructions")
    parser.add_argument("--stacks", action="store_true", help="mallocs: where they come from")
    parser.add_argument("--top", type=int, default=0, help="instructions: so many functions")
    parser.add_argument("--inclusive", action="store_true", help="instructions: with what a function calls")
    parser.add_argument("--argument", action="append", default=[], help="mallocs, instructions: one more for ProbeTarget")
    return parser.parse_args()


def say(line):
    print(line, file=sys.stderr, flush=True)


def measured(part, peers, options, verdicts):
    """What a part found, and its text."""
    if part == "json":
        found = throughput.measure(peers, options.rounds, options.seconds, say)
        return found, throughput.report(found, verdicts)
    if part == "tls":
        found = tls.measure(peers, options.rounds, options.seconds, say)
        return found, tls.report(found, verdicts)
    if part == "mallocs":
        found = mallocs.measure(peers, options.argument, options.stacks, options.path)
        verdicts.check("allocations of the server per keep-alive request", found["of"]["server"], MALLOCS_MAX)
        return found, mallocs.text(found)
    if part == "kept":
        found = mallocs.kept(peers, options.argument, options.path)
        return found, mallocs.kept_text(found)
    if part == "instructions":
        found = instructions.measure(peers, options.argument, options.path, options.top, options.inclusive)
        verdicts.check("user instructions per request", found["instructions"], INSTRUCTIONS_MAX)
        return found, instructions.text(found)
    module = {"idle": idle, "slow": slow, "large": large}[part]
    found = module.measure(peers, say)
    return found, module.report(found, verdicts)


MALLOCS_MAX = 0
#: With 21,200 the server costs as much as nginx; more than this is a step back.
INSTRUCTIONS_MAX = 23_000


def main():
    options = arguments()
    parts = options.only.split(",") if options.only else PARTS
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        machine.fail(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(PARTS)}", code=2)
    machine.need("taskset", "cc")
    needed = {"json": ["wrk", "nginx", "go"], "idle": ["nginx", "go"], "instructions": ["valgrind"], "slow": ["slowhttptest"], "tls": ["nginx", "openssl"]}
    machine.need(*dict.fromkeys(name for part in parts for name in needed.get(part, [])))
    os.makedirs(options.folder, exist_ok=True)
    peers = Peers(options.folder, os.path.abspath(options.probe))
    verdicts = figures.Verdicts()
    result = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "rounds": options.rounds,
              "seconds": options.seconds, "document_bytes": len(peers.document)}
    for part in parts:
        result[part], text = measured(part, peers, options, verdicts)
        print(f"\n{part}\n{text}", flush=True)
    print()
    for line in verdicts.lines():
        print(line)
    result["verdicts"] = verdicts.found
    path = os.path.join(options.folder, f"{'-'.join(parts) if options.only else 'all'}.json")
    with open(path, "w") as file:
        json.dump(result, file, indent=1)
    print(f"\nfigures of every round: {path}")
    sys.exit(0 if all(each["passed"] for each in verdicts.found) else 1)


if __name__ == "__main__":
    main()
