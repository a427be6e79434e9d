"""User-mode instructions per request, counted by callgrind.

The difference of two runs leaves out the start and the end. The kernel is not seen, and neighbours
do not matter: repeats agree within a percent, so this is the gate for regressions.
"""

import os
import re
import signal
import subprocess

from . import client, machine

FEW, MANY = 2_000, 8_000


def without_debug_information(peers):
    """A copy of the program that valgrind can read: debug information newer than valgrind ends it."""
    (objcopy,) = machine.need("objcopy")
    result = os.path.join(peers.folder, "probe")
    subprocess.run([objcopy, "--strip-debug", peers.probe, result], check=True)
    return result


def run(peers, probe, count, arguments, path):
    (valgrind,) = machine.need("valgrind")
    file = os.path.join(peers.folder, f"callgrind.{count}")
    wrapper = [valgrind, "--tool=callgrind", f"--callgrind-out-file={file}", "--quiet"]
    with peers.start_mercato(arguments, wrapper=wrapper, probe=probe) as server:
        client.ask(server.port, count, path)
        server.child.send_signal(signal.SIGTERM)
        server.child.wait(60)
    return file


def total(file):
    with open(file) as lines:
        for line in lines:
            if line.startswith(("summary:", "totals:")):
                return int(line.split()[1])
    raise OSError(f"{file} has no total")


def functions(file, inclusive):
    """Instructions of each function itself, or together with what it calls."""
    kind = "--inclusive=yes" if inclusive else "--inclusive=no"
    done = subprocess.run(
        ["callgrind_annotate", "--threshold=100", "--auto=no", kind, file],
        capture_output=True, text=True, check=True,
    )
    found = {}
    row = re.compile(r"^\s*([\d,]+)\s*(?:\([^)]*\))?\s+\S*?:(.+?)(?:\s+\[(.*)\])?$")
    for line in done.stdout.splitlines():
        match = row.match(line)
        if match:
            name = match.group(2)
            found[name] = found.get(name, 0) + int(match.group(1).replace(",", ""))
    return found


def measure(peers, arguments=(), path="/json", top=0, inclusive=False):
    probe = without_debug_information(peers)
    few = run(peers, probe, FEW, arguments, path)
    many = run(peers, probe, MANY, arguments, path)
    found = {"instructions": (total(many) - total(few)) / (MANY - FEW)}
    if top:
        before, after = functions(few, inclusive), functions(many, inclusive)
        rows = [(name, (after[name] - before.get(name, 0)) / (MANY - FEW)) for name in after]
        rows.sort(key=lambda row: -row[1])
        found["functions"] = rows[:top]
    return found


def text(found):
    lines = [f"{found['instructions']:,.0f} user instructions per request"]
    if "functions" in found:
        from .mallocs import demangled

        names = demangled([name.split("'")[0] for name, _ in found["functions"]])
        for name, count in found["functions"]:
            lines.append(f"{count:10,.0f}  {names.get(name.split(chr(39))[0], name)}")
    return "\n".join(lines)
