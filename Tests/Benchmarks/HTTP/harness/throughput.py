"""GET /json over keep-alive connections: the servers in turn, round after round."""

from . import figures, machine, wrk

NAMES = ["mercato", "nginx", "go", "floor"]
TITLES = {
    "mercato": "Mercato", "nginx": "nginx, 1 worker", "go": "Go net/http",
    "floor": "C epoll, no parser",
}
CONNECTIONS = [64, 256]
#: A run is repeated when others used more of the machine than this meanwhile.
FOREIGN_CORES_MAX = 0.10
REPEATS_MAX = 3


def one(server, core, connections, seconds):
    """The calmest of some runs; the first that is calm enough ends them."""
    best = None
    for _ in range(REPEATS_MAX):
        found = wrk.run(server, core, connections, seconds)
        if best is None or found["foreign_cores"] < best["foreign_cores"]:
            best = found
        if best["foreign_cores"] <= FOREIGN_CORES_MAX:
            break
    return best


def measure(peers, rounds, seconds, say):
    _, core = machine.cores()
    servers = {name: peers.start(name) for name in NAMES}
    found = {}
    try:
        for connections in CONNECTIONS:
            for server in servers.values():
                wrk.run(server, core, connections, 1)
            found[str(connections)] = []
            for number in range(rounds):
                # Each round begins with another server, so that no one always follows the same.
                order = NAMES[number % len(NAMES):] + NAMES[: number % len(NAMES)]
                each = {name: one(servers[name], core, connections, seconds) for name in order}
                found[str(connections)].append(each)
                say(
                    f"{connections} connections, round {number + 1}: CPU µs/request "
                    + ", ".join(f"{name} {each[name]['cpu_us']:.2f}" for name in NAMES)
                    + f"; others {max(each[name]['foreign_cores'] for name in NAMES):.2f} cores"
                )
    finally:
        for server in servers.values():
            server.end()
    return found


def report(found, verdicts):
    rows = []
    for connections, rounds in found.items():
        for name in NAMES:
            def middle(field):
                return figures.median([each[name][field] for each in rounds])

            other = figures.ratio(rounds, "mercato", name, "cpu_us")
            rows.append([
                TITLES[name], connections, figures.thousands(middle("per_second")),
                f"{middle('cpu_us'):.2f}", f"{middle('user_us'):.2f}",
                f"{middle('p50_us'):.0f} / {middle('p99_us'):.0f}",
                f"{middle('peak_rss_kib') / 1024:.1f}",
                "" if name == "mercato" else figures.spread(other),
            ])
    rounds = found["64"]
    for name, most, detail in [
        ("nginx", 1.15, "the goal is 1.00"), ("go", 0.60, ""),
    ]:
        quotient = figures.ratio(rounds, "mercato", name, "cpu_us")
        verdicts.check(
            f"CPU per request against {TITLES[name]}, 64 connections", quotient["median"], most,
            " ×", f"middle half {quotient['low']:.2f}–{quotient['high']:.2f}; {detail}".rstrip("; "),
        )
    failed = sum(each[name]["errors"] + each[name]["refused"]
                 for rounds in found.values() for each in rounds for name in NAMES)
    verdicts.check("requests that failed", failed, 0)
    return figures.table(
        ["Server", "Connections", "requests/s", "CPU µs/request", "of it user",
         "p50 / p99 µs", "peak RSS MiB", "CPU of Mercato / its CPU"],
        rows,
    )
