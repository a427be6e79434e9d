"""TLS beside nginx: processor time of a handshake, with and without resumption, and of a megabyte."""

import os
import subprocess

from . import figures, machine

NAMES = ["mercato", "nginx"]
CPU_MAX = 1.2
BULK_BYTES = 64 << 20

#: Name, version, kind of handshake.
HANDSHAKES = [
    ("full handshake, TLS 1.3", "1.3", "full"),
    ("resumed handshake, TLS 1.3", "1.3", "resume"),
    ("full handshake, TLS 1.2", "1.2", "full"),
    ("resumed handshake, TLS 1.2", "1.2", "resume"),
]
BULK = "64 MiB, TLS 1.3, AES-128-GCM"


class Identity:
    """A certificate for localhost (ECDSA on P-256), and the port that it is shown on."""

    def __init__(self, folder):
        (openssl,) = machine.need("openssl")
        self.certificate = os.path.join(folder, "bench.crt")
        self.key = os.path.join(folder, "bench.key")
        self.port = machine.free_port()
        if not os.path.exists(self.key):
            subprocess.run(
                [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                 "subjectAltName=DNS:localhost", "-keyout", self.key, "-out", self.certificate],
                check=True, capture_output=True,
            )


def load(program, core, server, identity, path, seconds, version, kind):
    before = sum(server.processor_seconds())
    done = subprocess.run(
        machine.pinned(core, [program, str(identity.port), path, str(seconds), version, kind]),
        capture_output=True, text=True,
    )
    if done.returncode != 0:
        machine.fail(f"{version} {kind} {path}: {done.stderr}", code=1)
    found = {name: int(value) for name, value in (line.split() for line in done.stdout.splitlines())}
    used = sum(server.processor_seconds()) - before
    found["cpu_us"] = used * 1e6 / found["connections"]
    found["cpu_us_per_mb"] = used * 1e6 / (found["bytes"] / 1e6)
    found["per_second"] = found["connections"] * 1e6 / found["microseconds"]
    found["mb_per_second"] = found["bytes"] / found["microseconds"]
    return found


def one_round(program, core, servers, identities, order, seconds):
    each = {}
    for title, version, kind in HANDSHAKES:
        each[title] = {
            name: load(program, core, servers[name], identities[name], "/json", seconds, version, kind)
            for name in order
        }
    paths = {"mercato": f"/bytes/{BULK_BYTES}", "nginx": "/files/bulk"}
    each[BULK] = {
        name: load(program, core, servers[name], identities[name], paths[name], seconds, "1.3", "full")
        for name in order
    }
    return each


def measure(peers, rounds, seconds, say):
    _, core = machine.cores()
    program = peers.compiled("tlsload", "-lssl", "-lcrypto")
    files = os.path.join(peers.folder, "nginx", "files")
    os.makedirs(files, exist_ok=True)
    with open(os.path.join(files, "bulk"), "wb") as file:
        file.write(b"x" * BULK_BYTES)
    identities = {name: Identity(peers.folder) for name in NAMES}
    servers = {}
    try:
        for name in NAMES:
            servers[name] = peers.start(name, tls=identities[name])
        one_round(program, core, servers, identities, NAMES, 0.3)
        found = []
        for number in range(rounds):
            order = NAMES if number % 2 == 0 else NAMES[::-1]
            found.append(one_round(program, core, servers, identities, order, seconds))
            say(f"TLS, round {number + 1}: " + ", ".join(
                f"{title} {each['mercato']['cpu_us']:.0f} / {each['nginx']['cpu_us']:.0f} µs"
                for title, each in found[-1].items()))
        return {"rounds": found}
    finally:
        for server in servers.values():
            server.end()


def report(found, verdicts):
    rows = []
    for title in found["rounds"][0]:
        rounds = [each[title] for each in found["rounds"]]
        field = "cpu_us_per_mb" if title == BULK else "cpu_us"
        quotient = figures.ratio(rounds, "mercato", "nginx", field)
        verdicts.check(f"CPU of {title} against nginx", quotient["median"], CPU_MAX, " ×",
                       f"middle half {quotient['low']:.2f}–{quotient['high']:.2f}")
        for name in NAMES:
            def middle(field):
                return figures.median([each[name][field] for each in rounds])

            rate = f"{middle('mb_per_second'):.0f} MB" if title == BULK else f"{middle('per_second'):.0f}"
            share = sum(each[name]["resumed"] for each in rounds) / sum(each[name]["connections"] for each in rounds)
            rows.append([title, name, rate, f"{middle(field):.0f}", f"{100 * share:.0f} %",
                         figures.spread(quotient) if name == "mercato" else ""])
    return figures.table(
        ["What", "Server", "per second", "CPU µs each (per MB)", "resumed", "CPU of Mercato / of nginx"], rows)
