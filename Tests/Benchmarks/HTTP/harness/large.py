"""1 GiB through the server, downwards and upwards, in bounded memory."""

import socket
import time

from . import figures

GIB = 1 << 30
PIECE = bytes(256 * 1024)
RSS_MIB_MAX = 32.0


def connect(server):
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=120)
    return connection, connection.makefile("rb", buffering=1 << 20)


def head_of(reader):
    """Status and fields of an answer."""
    status = int(reader.readline().split()[1])
    fields = {}
    while (line := reader.readline()) not in (b"\r\n", b""):
        name, value = line.decode().split(":", 1)
        fields[name.lower()] = value.strip()
    return status, fields


def body_length(reader, fields):
    """Bytes of the body, which are read and dropped."""
    if "content-length" in fields:
        left = int(fields["content-length"])
        while left > 0:
            piece = reader.read(min(left, 1 << 20))
            if not piece:
                raise OSError("the body ended too early")
            left -= len(piece)
        return int(fields["content-length"])
    total = 0
    while (size := int(reader.readline().split(b";")[0], 16)) > 0:
        if len(reader.read(size)) != size:
            raise OSError("a chunk ended too early")
        reader.readline()
        total += size
    reader.readline()
    return total


def download(server):
    connection, reader = connect(server)
    with connection:
        connection.sendall(b"GET /bytes/%d HTTP/1.1\r\nHost: bench\r\n\r\n" % GIB)
        status, fields = head_of(reader)
        return status, body_length(reader, fields)


def upload(server):
    """The answer of /count is the number of bytes that its handler has seen."""
    connection, reader = connect(server)
    with connection:
        connection.sendall(
            b"POST /count HTTP/1.1\r\nHost: bench\r\nContent-Type: application/octet-stream\r\n"
            b"Content-Length: %d\r\n\r\n" % GIB
        )
        for _ in range(GIB // len(PIECE)):
            connection.sendall(PIECE)
        status, fields = head_of(reader)
        return status, int("".join(c for c in reader.read(int(fields["content-length"])).decode() if c.isdigit()))


def measure(peers, say):
    found = {}
    for name, transfer in [("GET /bytes", download), ("POST /count", upload)]:
        with peers.start("mercato") as server:
            before = server.status_kib("VmRSS")
            began, used = time.monotonic(), sum(server.processor_seconds())
            status, count = transfer(server)
            if status != 200 or count != GIB:
                raise OSError(f"{name}: status {status}, {count} bytes")
            found[name] = {
                "seconds": time.monotonic() - began,
                "cpu_seconds": sum(server.processor_seconds()) - used,
                "rss_before_kib": before,
                "peak_rss_kib": server.status_kib("VmHWM"),
            }
            say(f"{name} of 1 GiB: peak RSS {found[name]['peak_rss_kib'] / 1024:.1f} MiB")
    return found


def report(found, verdicts):
    for name, each in found.items():
        verdicts.check(f"peak RSS with 1 GiB through {name}", each["peak_rss_kib"] / 1024, RSS_MIB_MAX, " MiB")
    return figures.table(
        ["1 GiB through", "MB/s", "CPU s of the server", "RSS before MiB", "peak RSS MiB"],
        [
            [name, f"{GIB / 1e6 / each['seconds']:.0f}", f"{each['cpu_seconds']:.2f}",
             f"{each['rss_before_kib'] / 1024:.1f}", f"{each['peak_rss_kib'] / 1024:.1f}"]
            for name, each in found.items()
        ],
    )
