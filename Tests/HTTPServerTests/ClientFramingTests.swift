import Basics
import HTTP
import HTTPClient
import Sockets
import Testing

/// Responses of every framing, and those that no client may believe, from a peer that says them raw.
@Suite(.timeLimit(.minutes(1)))
struct ClientFramingTests {
    /// A response after which the connection is as good as before.
    private static let next = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext"

    /// Two requests on one connection: the first is answered with `answer`, so nothing of it may be
    /// left over when the second is read.
    private func expectKept(
        _ answer: String, to method: Method = .get, status: Int, body: String
    ) async throws {
        try await withPeer { listener in
            let only = try await listener.accept()
            try await only.serve(answer)
            try await only.serve(Self.next)
            await only.untilEnd()
        } _: { client, url in
            let first = try await client.send(ClientRequest(method: method, url: url))
            #expect(first.status == status)
            let text = String(decoding: try await first.body.collect(), as: UTF8.self)
            #expect(text == body)
            try await client.expect("next", from: url)
            await client.closeIdle()
        }
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole", Method.get, 200, "whole"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .get, 200, ""),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", .get, 200, "abcde"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", .head, 200, ""),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .head, 200, ""),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\n", .head, 404, ""),
        ("HTTP/1.1 204 No Content\r\n\r\n", .get, 204, ""),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", .get, 304, ""),
    ])
    func `H91, H92: a body ends where its framing says, HEAD, 204 and 304 have none, and the connection is kept`(
        answer: String, method: Method, status: Int, body: String
    ) async throws {
        try await expectKept(answer, to: method, status: status, body: body)
    }

    @Test func `H76: trailers are read, dropped, and not taken for fields`() async throws {
        try await withPeer { listener in
            let only = try await listener.accept()
            try await only.serve(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-After: 1\r\nContent-Length: 9\r\n\r\n")
            try await only.serve(Self.next)
            await only.untilEnd()
        } _: { client, url in
            let first = try await client.send(ClientRequest(url: url))
            #expect(try await first.body.collect() == Array("ok".utf8))
            #expect(first.headers["x-after"] == nil && first.headers["content-length"] == nil)
            try await client.expect("next", from: url)
            await client.closeIdle()
        }
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\n\r\nall of it",
        "HTTP/1.0 200 OK\r\n\r\nall of it",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nall of it",
        "HTTP/1.0 200 OK\r\nContent-Length: 9\r\nConnection: keep-alive\r\n\r\nall of it",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: x, Close\r\n\r\nall of it",
    ])
    func `H95: a body up to the connection's end is complete there; 1.0 and close are not kept`(
        answer: String
    ) async throws {
        try await withPeer { listener in
            let first = try await listener.accept()
            try await first.serve(answer)
            await first.close()
            let second = try await listener.accept()
            try await second.serve(Self.next)
            await second.untilEnd()
        } _: { client, url in
            try await client.expect("all of it", from: url)
            #expect(await client.connectionCounts() == (active: 0, idle: 0))
            try await client.expect("next", from: url)
            await client.closeIdle()
        }
    }

    @Test func `U3: interim responses are swallowed, whatever fields they have`() async throws {
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 5\r\n\r\n"
        try await expectKept(
            "HTTP/1.1 100 Continue\r\n\r\n" + hints + hints + "HTTP/1.1 102 Processing\r\n\r\n"
                + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            status: 200, body: "ok")
    }

    @Test(arguments: [
        // U1: one message, two lengths.
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        // U1: status lines.
        "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 099 No\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "http/1.1 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n", "\r\nHTTP/1.1 200 OK\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n",
        // U1: lines.
        "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", "HTTP/1.1 200 OK\r\nX: a\u{0}b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : a\r\n\r\n", "HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: a\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        // U1: oversize.
        "HTTP/1.1 200 OK\r\nX: " + String(repeating: "a", count: 9_000) + "\r\n\r\n",
        "HTTP/1.1 200 " + String(repeating: "a", count: 17_000) + "\r\n\r\n",
        "HTTP/1.1 200 OK\r\n" + String(repeating: "X: a\r\n", count: 101) + "\r\n",
        "HTTP/1.1 200 OK\r\n" + String(repeating: "X: \(String(repeating: "a", count: 1_000))\r\n", count: 17) + "\r\n",
        // U3: another protocol, which was not asked for, and interim responses without end.
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        String(repeating: "HTTP/1.1 103 Early Hints\r\n\r\n", count: 9),
    ])
    func `U1: a response that two readers could read differently is malformed, and its connection dropped`(
        answer: String
    ) async throws {
        try await withPeer { listener in
            let first = try await listener.accept()
            try await first.serve(answer)
            await first.untilEnd()
        } _: { client, url in
            let failure = await #expect(throws: ClientError.self) { try await client.text(url) }
            #expect(failure?.code == .malformed)
            #expect(await client.connectionCounts() == (active: 0, idle: 0))
        }
    }

    @Test(arguments: [
        "5\nhello\r\n0\r\n\r\n", "5\r\nhello!\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n",
        "g\r\n", "\r\n", "5 \r\nhello\r\n0\r\n\r\n", "5;\r\nhello\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n", "ffffffffffffffff\r\n",
        "5;" + String(repeating: "a", count: 5_000) + "\r\nhello\r\n0\r\n\r\n",
        String(repeating: "1;\(String(repeating: "a", count: 40))\r\na\r\n", count: 600),
        String(repeating: "1\r\na\r\n", count: 40_000),
        "0\r\nno colon\r\n\r\n", "0\r\nX: " + String(repeating: "a", count: 9_000) + "\r\n\r\n",
        "0\r\n" + String(repeating: "X: a\r\n", count: 101) + "\r\n",
    ])
    func `U1, H67 to H78: a chunk that is malformed or beyond a limit ends the body with an error`(
        chunks: String
    ) async throws {
        try await withPeer { listener in
            let first = try await listener.accept()
            try await first.serve("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            // Ignored: the client hangs up in the middle of the longer ones.
            try? await first.say(chunks)
            await first.untilEnd()
        } _: { client, url in
            let failure = await #expect(throws: ClientError.self) { try await client.text(url) }
            #expect(failure?.code == .malformed)
            #expect(await client.connectionCounts() == (active: 0, idle: 0))
        }
    }

    @Test(arguments: [
        "", "HTTP", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 103 Early Hints\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ])
    func `U2: an end before the response's own is an error, never a shorter response`(
        answer: String
    ) async throws {
        try await withPeer { listener in
            let first = try await listener.accept()
            try await first.serve(answer)
            await first.close()
        } _: { client, url in
            let failure = await #expect(throws: ClientError.self) { try await client.text(url) }
            #expect(failure?.code == .reset)
            #expect(failure?.nothingWritten == false)
            #expect(await client.connectionCounts() == (active: 0, idle: 0))
        }
    }

    @Test func `a body that stands still is a time-out, and frees the connection`() async throws {
        try await withPeer { $0.bodyIdleTimeout = .milliseconds(20) } _: { listener in
            let first = try await listener.accept()
            try await first.serve("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            await first.untilEnd()
        } _: { client, url in
            let answer = try await client.send(ClientRequest(url: url))
            var seen: [UInt8] = []
            let failure = await #expect(throws: ClientError.self) {
                for try await piece in answer.body { seen += piece }
            }
            #expect(failure?.code == .timeout)
            #expect(seen == Array("half".utf8))
            #expect(await client.connectionCounts() == (active: 0, idle: 0))
        }
    }
}
