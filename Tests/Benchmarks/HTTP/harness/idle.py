"""Idle keep-alive connections that have each made one request: memory of the server for one."""

import time

from . import client, figures, machine

CONNECTIONS = 10_000
#: Our server admits 1,280 connections of one address; each of these has fewer.
SOURCES = [f"127.0.0.{number}" for number in range(2, 14)]
NAMES = ["mercato", "nginx", "go", "floor"]
WARM_UP = 2_000
KIB_MAX = 10.0


def one(peers, name, count, **options):
    with peers.start(name, **options) as server:
        # What a server sets up once is not the price of a connection.
        client.ask(server.port, WARM_UP)
        time.sleep(0.5)
        before = server.status_kib("VmRSS")
        connections = []
        try:
            for number in range(count):
                source = SOURCES[number % len(SOURCES)]
                connection = client.Connection(server.port, source=source)
                connections.append(connection)
                connection.ask()
            time.sleep(1)
            after = server.status_kib("VmRSS")
            # All of them must still be open: the last word of each is an answer.
            for connection in connections[:: max(1, count // 100)]:
                connection.ask()
        finally:
            for connection in connections:
                connection.close()
        return {"before_kib": before, "after_kib": after, "each_kib": (after - before) / count}


def measure(peers, say, count=CONNECTIONS):
    machine.allow_descriptors(count + 1_000)
    found = {}
    for name in NAMES:
        options = {"arguments": ["--connections", str(count + 100)]} if name == "mercato" else {}
        found[name] = one(peers, name, count, **options)
        say(f"{count} idle connections, {name}: {found[name]['each_kib']:.2f} KiB each")
    return {"connections": count, "servers": found}


def report(found, verdicts):
    mercato = found["servers"]["mercato"]
    verdicts.check(
        f"memory of an idle connection, {found['connections']:,} of them", mercato["each_kib"],
        KIB_MAX, " KiB",
    )
    return figures.table(
        ["Server", "RSS before, MiB", f"with {found['connections']:,} idle connections, MiB", "KiB each"],
        [
            [name, f"{each['before_kib'] / 1024:.1f}", f"{each['after_kib'] / 1024:.1f}",
             f"{each['each_kib']:.2f}"]
            for name, each in found["servers"].items()
        ],
    )
