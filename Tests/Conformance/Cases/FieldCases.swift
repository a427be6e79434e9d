extension Case {
    private static func host(_ value: String) -> String {
        "GET /ok HTTP/1.1\r\nHost:\(value)\r\n\r\n"
    }

    /// H26–H28: Host (RFC 9112 §3.2).
    static let hosts: [Case] = [
        .refused("H26", "no Host", "GET /ok HTTP/1.1\r\n\r\n"),
        .refused("H26", "no Host, other fields", "GET /ok HTTP/1.1\r\nX: y\r\n\r\n"),
        .refused("H26", "no Host in 1.2", "GET /ok HTTP/1.2\r\n\r\n"),
        .refused("H27", "two, equal", get("Host: t\r\n")),
        .refused("H27", "two, different", get("Host: u\r\n")),
        .refused("H27", "two in 1.0", "GET /ok HTTP/1.0\r\nHost: t\r\nHost: t\r\n\r\n"),
        .refused("H28", "empty", host("")),
        .refused("H28", "blank", host("   ")),
        .refused("H28", "userinfo", host(" u@t")),
        .refused("H28", "a path", host(" t/ok")),
        .refused("H28", "a query", host(" t?a")),
        .refused("H28", "a list", host(" t, u")),
        .refused("H28", "a comma", host(" t,u")),
        .refused("H28", "SP inside", host(" t u")),
        .refused("H28", "a port that is none", host(" t:x")),
        .refused("H28", "an empty port", host(" t:")),
        .refused("H28", "a port over 65535", host(" t:65536")),
        .refused("H28", "a negative port", host(" t:-1")),
        .refused("H28", "two ports", host(" t:1:2")),
        .refused("H28", "a scheme", host(" http://t")),
        .refused("H28", "an open bracket", host(" [::1")),
        .refused("H28", "letters behind a bracket", host(" [::1]x")),
        .refused("H28", "a byte above 7F", host(" t\u{e9}")),
        .refused("H28", "bad in 1.0", "GET /ok HTTP/1.0\r\nHost: a b\r\n\r\n"),
        .kept("H28", "a port is fine", host(" t:8080")),
        .kept("H28", "IPv6 is fine", host(" [::1]:8080")),
        .kept("H28", "IPv4 without SP is fine", host("127.0.0.1")),
    ]

    /// H29–H38: field lines (RFC 9112 §5, RFC 9110 §5).
    static let fields: [Case] = [
        .refused("H29", "SP before the colon", get("X : a\r\n")),
        .refused("H29", "TAB before the colon", get("X\t: a\r\n")),
        .refused("H29", "SP before the colon of Host", "GET /ok HTTP/1.1\r\nHost : t\r\n\r\n"),
        .refused("H29", "and of Content-Length", post("Content-Length : 5\r\n", body: "hello")),
        .refused(
            "H29", "and of Transfer-Encoding",
            post("Transfer-Encoding : chunked\r\n", body: "0\r\n\r\n")),
        .refused("H30", "folded with SP", get("X: a\r\n b\r\n")),
        .refused("H30", "folded with TAB", get("X: a\r\n\tb\r\n")),
        .refused("H30", "folded to nothing", get("X: a\r\n \r\n")),
        .refused(
            "H30", "Transfer-Encoding folded",
            post("Transfer-Encoding:\r\n chunked\r\n", body: "0\r\n\r\n")),
        .refused("H30", "Content-Length folded", post("Content-Length:\r\n 5\r\n", body: "hello")),
        .refused("H31", "an empty name", get(": a\r\n")),
        .refused("H31", "no colon", get("X\r\n")),
        .refused("H31", "a parenthesis in a name", get("X(: a\r\n")),
        .refused("H31", "SP in a name", get("X Y: a\r\n")),
        .refused("H31", "a byte above 7F in a name", get("X\u{e9}: a\r\n")),
        .refused("H31", "NUL in a name", get("X\u{0}: a\r\n")),
        .refused("H31", "DEL in a name", get("X\u{7f}: a\r\n")),
        .refused("H31", "brackets in a name", get("[X]: a\r\n")),
        .refused("H32", "NUL in a value", get("X: a\u{0}b\r\n")),
        .refused("H32", "NUL ends a value", get("X: a\u{0}\r\n")),
        .refused("H32", "CR in a value", get("X: a\rb\r\n")),
        .refused("H32", "LF in a value", get("X: a\nY: b\r\n")),
        .refused("H33", "01 in a value", get("X: a\u{1}b\r\n")),
        .refused("H33", "08 in a value", get("X: a\u{8}b\r\n")),
        .refused("H33", "1B in a value", get("X: a\u{1b}b\r\n")),
        .refused("H33", "1F in a value", get("X: a\u{1f}b\r\n")),
        .refused("H33", "DEL in a value", get("X: a\u{7f}b\r\n")),
        .kept("H33", "TAB in a value is fine", get("X: a\tb\r\n")),
        .kept("H34", "obs-text", get("X: \u{80}\u{ff}\u{85}\u{a0}\r\n")),
        .kept("H35", "no OWS", get("X:a\r\n")),
        .kept("H35", "much OWS", get("X: \t \t a \t \r\n")),
        .kept("H35", "an empty value", get("X:\r\n")),
        .refused("H35", "VT before a value", get("X:\u{b}a\r\n")),
        .refused("H35", "FF behind a value", get("X: a\u{c}\r\n")),
        .kept("H36", "a field of 8 KiB", get("X: \(times("a", 8 * 1_024 - 3))\r\n")),
        .refused("H36", "a field over 8 KiB", get("X: \(times("a", 8 * 1_024 - 2))\r\n"), 431),
        .refused("H36", "a name over 8 KiB", get("\(times("X", 8 * 1_024)): a\r\n"), 431),
        .refused("H36", "a field that never ends", "GET /ok HTTP/1.1\r\nX: \(times("a", 9_000))", 431),
        .kept("H36", "100 fields", get(times("X: a\r\n", 99))),
        .refused("H36", "101 fields", get(times("X: a\r\n", 100)), 431),
        .refused("H36", "a section over 16 KiB", get(times("X: \(times("a", 4_000))\r\n", 5)), 431),
        .refused("H37", "Content_Length", post("Content_Length: 5\r\n", body: "hello")),
        .refused("H37", "Transfer_Encoding", post("Transfer_Encoding: chunked\r\n")),
        .refused("H37", "content_length with an honest one",
                 post("Content-Length: 5\r\ncontent_length: 6\r\n", body: "hello")),
        .kept("H37", "another name with an underscore", get("x_y: a\r\n")),
        .kept("H38", "Content-Type twice", get("Content-Type: a/b\r\nContent-Type: a/b\r\n"), 400),
        .kept("H38", "Authorization twice", get("Authorization: a\r\nAuthorization: b\r\n"), 400),
        .kept("H38", "Idempotency-Key twice", get("Idempotency-Key: a\r\nIdempotency-Key: b\r\n"), 400),
        .kept(
            "H38", "Content-Type twice, with a body",
            post(
                "Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 5\r\n", body: "hello"),
            400),
    ]

    private static let handshake =
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

    /// H39–H46: Connection, Expect, Upgrade, Cookie (RFC 9112 §9, RFC 9110 §7.6–7.8, §10.1.1).
    static let connections: [Case] = [
        .ended("H39", "close", get("Connection: close\r\n")),
        .ended("H39", "Close", get("connection: Close\r\n")),
        .ended("H39", "in a list", get("Connection: keep-alive, CLOSE\r\n")),
        .ended("H39", "in a second line", get("Connection: keep-alive\r\nConnection:\tclose \r\n")),
        .kept("H39", "a token that only contains it", get("Connection: not-close\r\n")),
        .kept("H40", "Content-Length named", post(
            "Connection: content-length\r\nContent-Length: 5\r\n", body: "hello")),
        .kept("H40", "Host named", get("Connection: host\r\n")),
        .kept("H40", "Transfer-Encoding named", post(
            "Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n", body: "0\r\n\r\n")),
        .kept("H41", "Expect with the body behind it", post(
            "Expect: 100-continue\r\nContent-Length: 5\r\n", body: "hello")),
        .kept("H41", "Expect in capitals", post(
            "Expect: 100-Continue\r\nContent-Length: 5\r\n", body: "hello")),
        .kept("H41", "Expect without a body", get("Expect: 100-continue\r\n")),
        .refused("H42", "Expect over the limit", post(
            "Expect: 100-continue\r\nContent-Length: 11\r\n", target: "/small"), 413),
        .refused("H42", "Expect and no Host",
                 "POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"),
        .ended("H43", "Expect from 1.0",
               "POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"),
        .kept("H44", "an unknown expectation", get("Expect: cake\r\n"), 417),
        .refused("H44", "an unknown expectation and a body",
                 post("Expect: cake\r\nContent-Length: 5\r\n", body: "hello"), 417),
        .refused("H44", "one known, one not",
                 post("Expect: 100-continue, cake\r\nContent-Length: 5\r\n", body: "hello"), 417),
        .kept("H45", "websocket", get(handshake)),
        .kept("H45", "h2c", get(
            "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n")),
        .kept("H45", "something unknown", get("Upgrade: teapot/1\r\nConnection: upgrade\r\n")),
        .kept("H45", "POST", post("\(handshake)Content-Length: 5\r\n", body: "hello")),
        .kept("H45", "no Connection", get("Upgrade: websocket\r\n")),
        .ended("H45", "1.0", "GET /ok HTTP/1.0\r\n\(handshake)\r\n"),
        .refused("H46", "a cookie of 64 KiB", get("Cookie: a=\(times("b", 65_536))\r\n"), 431),
        .kept("H46", "1,000 pairs", get("Cookie: \(times("a=b; ", 1_000))c=d\r\n")),
        .refused("H46", "1,000 longer pairs", get("Cookie: \(times("name=value; ", 1_000))\r\n"), 431),
        .refused("H46", "NUL in a cookie", get("Cookie: a=\u{0}\r\n")),
    ]
}
