"""Slow clients by slowhttptest, and what a healthy client notices of them."""

import os
import statistics
import subprocess
import time

from . import figures, machine

CONNECTIONS = 1_000
#: Connections that slowhttptest opens in a second.
OPENED = 500
RATE = 1_000
SECONDS = 5
#: Until so many attackers are connected, or so long; the attack lasts until both are over.
ATTACKERS = 950
ATTACKERS_SECONDS_MAX = 20
ATTACK_SECONDS = ATTACKERS_SECONDS_MAX + 2 * SECONDS
P99_MAX = 2.0
#: What the server may grow to: a slow reader of /bytes holds one piece of 64 KiB in it.
RSS_MIB_MAX = 64.0

ATTACKS = {
    # A field every 10 seconds, and never the end of the section.
    "slow headers": ["-H", "-i", "10", "-x", "24"],
    # A body of 8 KiB announced, a few bytes of it every 10 seconds.
    "slow body": ["-B", "-i", "10", "-s", "8192", "-x", "10", "-t", "POST"],
    # Large answers, of which 32 bytes are read every 5 seconds from a small window.
    "slow read": ["-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-k", "3"],
}
PATHS = {
    "mercato": {"slow headers": "/json", "slow body": "/", "slow read": "/bytes/1048576"},
    # For comparison, where nginx does the same work: it answers a POST without waiting for its body.
    "nginx": {"slow headers": "/json", "slow read": "/files/slow"},
}


def pace(peers, server, core):
    program = peers.compiled("pace")
    done = subprocess.run(
        machine.pinned(core, [program, str(server.port), str(RATE), str(SECONDS)]),
        capture_output=True, text=True, check=True,
    )
    return {name: int(value) for name, value in (line.split() for line in done.stdout.splitlines())}


def attack(peers, server, peer, name, core):
    """The attacker shares the healthy client's core; its low priority leaves the core to the client."""
    (program,) = machine.need("slowhttptest")
    command = [
        "nice", "-n", "19", program, "-c", str(CONNECTIONS), "-r", str(OPENED), "-l", str(ATTACK_SECONDS),
        *ATTACKS[name], "-u", f"http://127.0.0.1:{server.port}{PATHS[peer][name]}", "-p", "3",
    ]
    log = open(os.path.join(peers.folder, f"{peer}-{name.replace(' ', '-')}.log"), "wb")
    return subprocess.Popen(machine.pinned(core, command), stdout=log, stderr=log)


def connections_of(server):
    """Established connections on the server's port, as the kernel counts them."""
    wanted, found = f":{server.port:04X}", 0
    with open("/proc/net/tcp") as file:
        for line in file:
            fields = line.split()
            found += fields[1].endswith(wanted) and fields[3] == "01"
    return found


def await_connections(server):
    deadline = time.monotonic() + ATTACKERS_SECONDS_MAX
    while (found := connections_of(server)) < ATTACKERS and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def one(peers, peer, name, core):
    with peers.start(peer) as server:
        pace(peers, server, core)
        calm = [pace(peers, server, core) for _ in range(2)]
        before = server.status_kib("VmRSS")
        attacker = attack(peers, server, peer, name, core)
        try:
            open_connections = await_connections(server)
            busy = pace(peers, server, core)
            rss = server.status_kib("VmHWM")
        finally:
            attacker.terminate()
            attacker.wait(30)
        after = pace(peers, server, core)
    value = statistics.median([each["p99"] for each in calm])
    return {
        "connections": open_connections, "calm_p99_us": value, "p99_us": busy["p99"],
        "max_us": busy["max"], "failed": busy["failed"] + after["failed"], "rss_before_kib": before,
        "peak_rss_kib": rss, "ratio": busy["p99"] / value, "after_p99_us": after["p99"],
    }


def measure(peers, say):
    _, core = machine.cores()
    folder = os.path.join(peers.folder, "nginx", "files")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "slow"), "wb") as file:
        file.write(b"x" * (1 << 20))
    found = {}
    for name in ATTACKS:
        found[name] = {peer: one(peers, peer, name, core) for peer in PATHS if name in PATHS[peer]}
        for peer, each in found[name].items():
            say(f"{name}, {peer}: p99 {each['calm_p99_us']:.0f} -> {each['p99_us']} µs, "
                f"{each['connections']} connections")
    return found


def report(found, verdicts):
    rows = []
    for name, peers in found.items():
        ours = peers["mercato"]
        verdicts.check(f"p99 of a healthy client under {name}", ours["ratio"], P99_MAX, " ×")
        verdicts.check(f"its failed requests under {name}", ours["failed"], 0)
        verdicts.check(f"peak RSS under {name}", ours["peak_rss_kib"] / 1024, RSS_MIB_MAX, " MiB")
        for peer, each in peers.items():
            rows.append([
                name, peer, each["connections"], f"{each['calm_p99_us']:.0f}", each["p99_us"],
                each["max_us"], f"{each['ratio']:.2f}", f"{each['peak_rss_kib'] / 1024:.1f}",
            ])
    return figures.table(
        ["Attack", "Server", "Connections", "p99 calm µs", "p99 µs", "max µs", "ratio", "peak RSS MiB"],
        rows,
    )
