"""A client for counting: one keep-alive connection, one request at a time."""

import socket

#: What browsers send besides `Host`, about 450 bytes together with the request line.
FIELDS = [
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/131.0.0.0 Safari/537.36",
    ),
    ("Accept", "application/json, text/plain;q=0.9, */*;q=0.8"),
    ("Accept-Language", "en-GB,en;q=0.7,de;q=0.3"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Cookie", "theme=dark; consent=yes; seen=2026-11-20T08:15:00Z"),
    ("Referer", "http://127.0.0.1/products?category=books&page=2"),
    ("Cache-Control", "no-cache"),
]


def request(port, path="/json"):
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    lines += [f"{name}: {value}" for name, value in FIELDS]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Connection:
    """Sends requests and reads whole responses that have a Content-Length."""

    def __init__(self, port, path="/json", source=None):
        address = (source, 0) if source else None
        self.socket = socket.create_connection(
            ("127.0.0.1", port), timeout=60, source_address=address
        )
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.bytes = request(port, path)

    def close(self):
        self.socket.close()

    def ask(self):
        """One request and its answer; false when the server ends the connection after it."""
        self.socket.sendall(self.bytes)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self.receive()
        head, body = received.split(b"\r\n\r\n", 1)
        fields = dict(
            line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line
        )
        if not head.startswith(b"HTTP/1.1 200 "):
            raise OSError(f"answered {head[:80]!r}")
        left = int(fields[b"content-length"]) - len(body)
        while left > 0:
            left -= len(self.receive())
        return fields.get(b"connection") != b"close"

    def receive(self):
        bytes = self.socket.recv(65536)
        if not bytes:
            raise OSError("the server ended the connection")
        return bytes


def ask(port, count, path="/json"):
    """So many requests, over as many connections as the server wants."""
    connection = Connection(port, path)
    for _ in range(count):
        if not connection.ask():
            connection.close()
            connection = Connection(port, path)
    connection.close()
