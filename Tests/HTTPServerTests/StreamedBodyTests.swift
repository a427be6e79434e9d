import Basics
import HTTP
import HTTPServer
import Sockets
import Telemetry
import Testing

/// Request bodies that their handler reads by itself.
@Suite(.timeLimit(.minutes(1)))
struct StreamedBodyTests {
    private static let limit = 1_000_000

    private static func count(_ request: Request) async throws -> Int {
        var count = 0
        for try await piece in request.bodyStream { count += piece.count }
        return count
    }

    /// Answers with what it reads, while it reads it.
    private static let echo: Handler = { request in
        .stream(200, type: "text/plain") { writer in
            for try await piece in request.bodyStream { try await writer.write(piece) }
        }
    }

    private func withStreams(
        limits: ServerLimits = quickLimits(), routes: (inout Router) -> Void = { _ in },
        _ body: (Running) async throws -> Void
    ) async throws {
        try await withServer(
            limits: limits,
            routes: { router in
                router.on(.post, "/count", body: .streamed(limit: Self.limit)) { request in
                    .text(200, "\(try await Self.count(request))")
                }
                router.on(.post, "/mirror", body: .streamed(limit: Self.limit), Self.echo)
                routes(&router)
            }, body)
    }

    @Test func `a body that was read to its end leaves the connection to the next request`()
        async throws
    {
        try await withStreams { running in
            let client = try await running.client()
            try await client.send("POST /count HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello")
            #expect(try await client.answer().text == "5")
            try await client.send(
                "POST /count HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            try await client.send("4\r\ndefg\r\n0\r\n\r\nGET /hello HTTP/1.1\r\nHost: t\r\n\r\n")
            #expect(try await client.answer().text == "7")
            #expect(try await client.answer().text == "hello")
            await client.close()
        }
    }

    @Test(arguments: [true, false])
    func `a handler that reads while it answers gets every byte`(atOnce: Bool) async throws {
        try await withStreams { running in
            let client = try await running.client()
            let head = "POST /mirror HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n"
            if atOnce {
                try await client.send(head + "0123456789")
            } else {
                // The first piece comes with the head, before the handler has asked for any.
                try await client.send(head + "01234")
                try await running.loop.sleep(for: .milliseconds(20))
                try await client.send("56789")
            }
            let answer = try await client.answer()
            #expect(answer.text == "0123456789")
            await client.close()
        }
    }

    @Test func `a client that waits for 100 is told before the answer begins, never inside it (H41)`()
        async throws
    {
        try await withStreams { running in
            let expecting = "HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
            let patient = try await running.client()
            try await patient.send("POST /count " + expecting)
            #expect(try await patient.answer().status == 100)
            try await patient.send("hello")
            #expect(try await patient.answer().text == "5")
            await patient.close()
            // This handler begins its answer first: what it reads afterwards was never asked for.
            let client = try await running.client()
            try await client.send("POST /mirror " + expecting)
            let all = try #require(try await client.rest())
            #expect(all.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(!all.contains("100 Continue"))
            #expect(!all.hasSuffix("0\r\n\r\n"), "cut, since the body is not complete: \(all)")
            await client.close()
        }
    }

    @Test func `time that a handler takes does not count against its client (H66)`() async throws {
        let (seen, orders) = (Events(), Events())
        var limits = quickLimits()
        limits.bodyGrace = .seconds(1)
        limits.bodyTimeout = .seconds(1)
        try await withStreams(
            limits: limits,
            routes: { router in
                router.on(.post, "/slow", body: .streamed(limit: Self.limit)) { request in
                    var pieces = request.bodyStream.makeAsyncIterator()
                    let first = try await pieces.next() ?? []
                    seen.add("first")
                    try await orders.wait(for: "go on")
                    let second = try await pieces.next() ?? []
                    return .text(200, String(decoding: first + second, as: UTF8.self))
                }
            }
        ) { running in
            let client = try await running.client()
            try await client.send("POST /slow HTTP/1.1\r\nHost: t\r\nContent-Length: 6\r\n\r\nabc")
            try await seen.wait(for: "first")
            try await running.loop.sleep(for: .milliseconds(1_200))
            orders.add("go on")
            try await client.send("def")
            #expect(try await client.answer().text == "abcdef")
            await client.close()
        }
    }

    @Test func `a reader of a body that is cancelled by itself stops waiting`() async throws {
        var limits = quickLimits()
        limits.bodyGrace = .seconds(40)
        try await withStreams(
            limits: limits,
            routes: { router in
                router.on(.post, "/leave", body: .streamed(limit: Self.limit)) { request in
                    // Leaving the scope cancels the reader, and waits for it.
                    async let _ = Self.count(request)
                    return .text(200, "left")
                }
            }
        ) { running in
            let client = try await running.client()
            try await client.send("POST /leave HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nabc")
            let answer = try await client.answer()
            #expect(answer.text == "left")
            // Nobody can tell where the next request would begin.
            #expect(answer.headers["connection"] == "close")
            await client.close()
        }
    }

    @Test func `a reader that its handler left behind ends with the connection, and traps nothing`()
        async throws
    {
        let events = Events()
        try await withStreams(routes: { router in
            router.on(.post, "/forget", body: .streamed(limit: Self.limit)) { request in
                Task {
                    do {
                        for try await _ in request.bodyStream { events.add("read") }
                    } catch {
                        events.add("ended")
                    }
                }
                try await events.wait(for: "read")
                // The reader is on its way to its next wait.
                for _ in 0..<100 { await Task.yield() }
                return .text(200, "forgot")
            }
        }) { running in
            let client = try await running.client()
            try await client.send("POST /forget HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nabc")
            let answer = try await client.answer()
            #expect(answer.text == "forgot")
            #expect(answer.headers["connection"] == "close")
            try await events.wait(for: "ended")
            await running.untilNoConnections()
            await client.close()
        }
    }

    @Test func `a body beyond the route's limit or malformed fails its reader once and for all`()
        async throws
    {
        let events = Events()
        try await withStreams(routes: { router in
            router.on(.post, "/tiny", body: .streamed(limit: 4)) { request in
                for _ in 0..<2 {
                    do {
                        _ = try await Self.count(request)
                    } catch let problem as Problem {
                        events.add(problem.code)
                    }
                }
                return .text(200, "\(try await Self.count(request))")
            }
        }) { running in
            for (body, status, code) in [
                ("5\r\nhello\r\n0\r\n\r\n", 413, "body_too_large"),
                ("z\r\n\r\nGET /hello HTTP/1.1\r\nHost: t\r\n\r\n", 400, "malformed_request"),
            ] {
                let client = try await running.client()
                try await client.send(
                    "POST /tiny HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
                let all = try #require(try await client.rest())
                #expect(all.hasPrefix("HTTP/1.1 \(status) "))
                #expect(!all.contains("hello"))
                #expect(events.all.suffix(2) == [code, code])
                await client.close()
            }
        }
    }
}
