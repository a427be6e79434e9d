"""Allocations per keep-alive request, and the stacks they come from."""

import bisect
import collections
import mmap
import os
import shutil
import struct
import subprocess
import time

from . import client

FRAMES_MAX = 30
RECORDS_MAX = 65536
COUNTERS = ["malloc", "calloc", "realloc", "aligned"]
#: Places of the page's words: four counters, bytes, frees, then what steers the records.
BYTES, FREES, INTERVAL, SEEN, WRITTEN = 4, 5, 6, 7, 8
HEADER_WORDS = 9
RECORD_WORDS = 3 + FRAMES_MAX

#: Requests before the first look at the counters, and between the first and the second: together
#: fewer than a connection may carry.
WARM_UP = 250
MEASURED = 600
RECORDED = 100


class Page:
    """The counters of native/mallocs.c, mapped by this process as well."""

    def __init__(self, path):
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)

    def word(self, place):
        return struct.unpack_from("<Q", self.memory, place * 8)[0]

    def set(self, place, value):
        struct.pack_into("<Q", self.memory, place * 8, value)

    def counts(self):
        words = {name: self.word(place) for place, name in enumerate(COUNTERS)}
        return {**words, "bytes": self.word(BYTES), "frees": self.word(FREES)}

    def records(self):
        """(pointer, bytes, frames) in turn; no frames where the pointer was freed."""
        for number in range(min(self.word(WRITTEN), RECORDS_MAX)):
            first = HEADER_WORDS + number * RECORD_WORDS
            words = struct.unpack_from(f"<{RECORD_WORDS}Q", self.memory, first * 8)
            yield words[0], words[1], words[3 : 3 + min(words[2], FRAMES_MAX)]

    def made(self):
        """What was asked for."""
        return [(bytes, frames) for _, bytes, frames in self.records() if frames]

    def kept(self):
        """What was asked for and is still there."""
        live = {}
        for pointer, bytes, frames in self.records():
            if frames:
                live[pointer] = (bytes, frames)
            else:
                live.pop(pointer, None)
        return list(live.values())


def measure(peers, arguments=(), stacks=False, path="/json"):
    """Allocations per request of one connection in its steady state."""
    library = peers.compiled("mallocs", library=True)
    file = os.path.join(peers.folder, "mallocs.page")
    if os.path.exists(file):
        os.remove(file)
    environment = {"LD_PRELOAD": library, "MALLOCS_FILE": file}
    # `taskset` and its children are preloaded as well: the server is the last to map the page.
    with peers.start_mercato(arguments, environment=environment) as server:
        page = Page(file)
        connection = client.Connection(server.port, path)
        repeat(connection, WARM_UP)
        first = page.counts()
        repeat(connection, MEASURED)
        second = page.counts()
        found = {name: (second[name] - first[name]) / MEASURED for name in first}
        found["calls"] = sum(found[name] for name in COUNTERS)
        page.set(INTERVAL, 1)
        repeat(connection, RECORDED)
        page.set(INTERVAL, 0)
        connection.close()
        rows = symbolised(page.made(), server.child.pid, RECORDED)
        found["of"] = collections.Counter()
        for count, _, _, owner in rows:
            found["of"][owner] += count
        if stacks:
            found["stacks"] = rows
    return found


#: Connections whose memory is looked at; their records have to fit into the ring.
KEEPERS = 100


def kept(peers, arguments=(), path="/json"):
    """What the server keeps for an idle connection that has made one request."""
    library = peers.compiled("mallocs", library=True)
    file = os.path.join(peers.folder, "mallocs.page")
    if os.path.exists(file):
        os.remove(file)
    environment = {"LD_PRELOAD": library, "MALLOCS_FILE": file}
    with peers.start_mercato(arguments, environment=environment) as server:
        page = Page(file)
        client.ask(server.port, WARM_UP, path)
        page.set(INTERVAL, 1)
        connections = [client.Connection(server.port, path) for _ in range(KEEPERS)]
        for connection in connections:
            connection.ask()
        time.sleep(0.2)
        page.set(INTERVAL, 0)
        found = page.kept()
        rows = symbolised(found, server.child.pid, KEEPERS)
        for connection in connections:
            connection.close()
    return {
        "bytes": sum(bytes for bytes, _ in found) / KEEPERS,
        "blocks": len(found) / KEEPERS,
        "stacks": sorted(rows, key=lambda row: -row[0] * row[1]),
    }


def kept_text(found, frames_max=10):
    lines = [f"{found['bytes']:.0f} bytes in {found['blocks']:.1f} blocks kept by an idle connection"]
    lines += described(found["stacks"], frames_max, "per connection")
    return "\n".join(lines)


def repeat(connection, count):
    for _ in range(count):
        if not connection.ask():
            raise OSError("the server ended the connection before the count was complete")


class Symbols:
    """Names of the addresses of a running process, from the symbol tables of its files."""

    def __init__(self, pid):
        self.files = []
        self.tables = {}
        with open(f"/proc/{pid}/maps") as file:
            rows = [line.split() for line in file]
        starts = {}
        for row in rows:
            if len(row) < 6 or not row[5].startswith("/"):
                continue
            first, last = (int(end, 16) for end in row[0].split("-"))
            if int(row[2], 16) == 0:
                starts.setdefault(row[5], first)
            self.files.append((first, last, row[5]))
        self.starts = starts

    def table(self, path):
        if path not in self.tables:
            found = {}
            for flags in (["-D"], []):
                done = subprocess.run(
                    ["nm", *flags, "--defined-only", path], capture_output=True, text=True
                )
                for line in done.stdout.splitlines():
                    words = line.split(" ", 2)
                    if len(words) == 3 and words[1] in "tTwWuiV":
                        found[int(words[0], 16)] = words[2].split("@")[0]
            places = sorted(found)
            self.tables[path] = (places, [found[place] for place in places])
        return self.tables[path]

    def name(self, address):
        # A return address may be the first byte of the next function: look one byte before.
        address -= 1
        for first, last, path in self.files:
            if first <= address < last and path in self.starts:
                places, names = self.table(path)
                index = bisect.bisect_right(places, address - self.starts[path]) - 1
                return names[index] if index >= 0 else os.path.basename(path)
        return hex(address)


def demangled(names):
    program = shutil.which("swift-demangle")
    if not program:
        swift = shutil.which("swift")
        program = os.path.join(os.path.dirname(os.path.realpath(swift)), "swift-demangle") if swift else ""
    if not os.path.exists(program):
        return {name: name for name in names}
    done = subprocess.run(
        [program, "--simplified", "--compact"], input="\n".join(names), capture_output=True, text=True
    )
    return dict(zip(names, done.stdout.split("\n")))


#: Frames that say only that memory was asked for.
PLUMBING = {
    "malloc", "calloc", "realloc", "memalign", "posix_memalign", "aligned_alloc", "counted", "record",
    "swift_slowAlloc", "swift_allocObject", "swift_allocObject_", "_swift_allocObject_",
    "swift_slowAllocTyped",
}
OUTSIDE = "runJobInEstablishedExecutorContext"


#: Modules above the server: what is allocated below a frame of theirs is theirs.
OWNERS = {"ProbeTarget": "handler", "ServiceKit": "middleware", "Telemetry": "middleware"}


def owner(stack):
    """Whose allocation it is, by the modules in the mangled names of a stack."""
    for module, name in OWNERS.items():
        if any(f"{len(module)}{module}" in frame for frame in stack):
            return name
    return "server"


def symbolised(records, pid, shares):
    """(allocations per share, mean bytes of one, frames from the inside to the outside, owner)."""
    symbols = Symbols(pid)
    found = collections.Counter()
    total = collections.Counter()
    for bytes, frames in records:
        stack = tuple(symbols.name(frame) for frame in frames)
        found[stack] += 1
        total[stack] += bytes
    names = demangled(sorted({name for stack in found for name in stack}))
    rows = []
    for stack, count in found.most_common():
        frames = [names[name] for name in stack]
        while frames and frames[0] in PLUMBING:
            frames.pop(0)
        # Who called a task's job is the loop, always.
        for number, frame in enumerate(frames):
            if OUTSIDE in frame:
                frames = frames[:number]
                break
        rows.append((count / shares, round(total[stack] / count), frames, owner(stack)))
    return rows


def text(found, frames_max=14):
    shares = ", ".join(f"{found['of'][name]:.2f} of the {name}" for name in ("server", "middleware", "handler"))
    lines = [
        f"{found['calls']:.2f} allocations per request ("
        + ", ".join(f"{name} {found[name]:.2f}" for name in COUNTERS)
        + f"), {found['bytes']:.0f} bytes, {found['frees']:.2f} frees",
        shares,
    ]
    lines += described(found.get("stacks", []), frames_max, "per request")
    return "\n".join(lines)


def described(stacks, frames_max, share):
    lines = []
    for count, bytes, frames, owner in stacks:
        lines.append(f"\n{count:.2f} {share}, {bytes} bytes each, of the {owner}")
        lines += [f"    {frame}" for frame in frames[:frames_max]]
    return lines
