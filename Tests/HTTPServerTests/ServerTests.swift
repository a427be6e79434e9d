import Basics
import HTTP
import HTTPServer
import Sockets
import Telemetry
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ServerTests {
    @Test func `a connection serves many requests and counts them`() async throws {
        var limits = quickLimits()
        limits.requestsPerConnectionMax = 3
        try await withServer(limits: limits) { running in
            let client = try await running.client()
            for number in 1...3 {
                let answer = try await client.get("/hello")
                #expect(answer.status == 200)
                #expect(answer.text == "hello")
                #expect(answer.headers["date"]?.hasSuffix("GMT") == true)
                // H89: the last one says so.
                #expect(answer.headers["connection"] == (number == 3 ? "close" : nil))
            }
            let rest = try await client.rest()
            #expect(rest == "")
            await client.close()
        }
    }

    @Test func `ten pipelined requests are answered in order (H80)`() async throws {
        try await withServer(
            limits: quickLimits(),
            routes: { router in
                router.on(.get, "/number/{n}") { request in
                    let number = try request.parameter("n")
                    // The first ones take longest: order must not come from speed.
                    for _ in 0..<(10 - (Int(number) ?? 0)) { await Task.yield() }
                    return .text(200, number)
                }
            }
        ) { running in
            let client = try await running.client()
            try await client.send(
                (0..<10).map { "GET /number/\($0) HTTP/1.1\r\nHost: t\r\n\r\n" }.joined())
            for number in 0..<10 {
                let answer = try await client.answer()
                #expect(answer.text == "\(number)")
            }
            await client.close()
        }
    }

    @Test func `a body is read by length and by chunks, byte by byte too (H83)`() async throws {
        try await withServer(limits: quickLimits()) { running in
            let byLength = "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello"
            let byChunks =
                "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: x\r\n\r\n"
            let client = try await running.client()
            for message in [byLength, byChunks] {
                try await client.send(message)
                let whole = try await client.answer()
                #expect(whole.text == "hello")
                for byte in message.utf8 { try await client.connection.write([byte]) }
                let split = try await client.answer()
                #expect(split.text == "hello")
            }
            await client.close()
        }
    }

    @Test func `a large body passes through unchanged`() async throws {
        try await withServer(limits: quickLimits()) { running in
            let client = try await running.client()
            let body = (0..<900_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            try await client.send(
                "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: \(body.count)\r\n\r\n")
            async let sent: Void = client.connection.write(body)
            let answer = try await client.answer()
            try await sent
            #expect(answer.body == body)
            await client.close()
        }
    }

    @Test func `HEAD has the fields of GET and no body (H91)`() async throws {
        try await withServer(limits: quickLimits()) { running in
            let client = try await running.client()
            let head = try await client.get("/hello", method: "HEAD")
            #expect(head.status == 200)
            #expect(head.headers["content-length"] == "5")
            let next = try await client.get("/hello")
            #expect(next.text == "hello")
            let missing = try await client.get("/missing", method: "HEAD")
            #expect(missing.status == 404)
            await client.close()
        }
    }

    @Test func `an HTTP 1.0 client gets its answer and the end (H8)`() async throws {
        try await withServer(limits: quickLimits()) { running in
            let client = try await running.client()
            try await client.send("GET /hello HTTP/1.0\r\n\r\n")
            let text = try #require(try await client.rest())
            #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(text.contains("connection: close\r\n"))
            #expect(text.hasSuffix("\r\n\r\nhello"))
            await client.close()
        }
    }

    @Test func `100 Continue comes before the body, and not when it was sent already (H41)`()
        async throws
    {
        try await withServer(limits: quickLimits()) { running in
            let client = try await running.client()
            let head =
                "POST /echo HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n"
                + "Content-Length: 2\r\n\r\n"
            try await client.send(head)
            let interim = try await client.answer()
            #expect(interim.status == 100)
            try await client.send("ok")
            let answer = try await client.answer()
            #expect(answer.text == "ok")
            try await client.send(head + "ok")
            let direct = try await client.answer()
            #expect(direct.status == 200)
            await client.close()
        }
    }

    @Test func `a response that cannot be written becomes a 500 (H94)`() async throws {
        try await withServer(
            limits: quickLimits(),
            routes: { router in
                router.on(.get, "/split") { _ in
                    .text(200, "x", headers: ["x-evil": "a\r\nset-cookie: b"])
                }
            }
        ) { running in
            let client = try await running.client()
            let answer = try await client.get("/split")
            #expect(answer.status == 500)
            #expect(answer.headers["set-cookie"] == nil)
            await client.close()
        }
    }

    @Test func `a port in use is a clear error`() async throws {
        try await withServer { running in
            let second = Server(
                configuration: ServerConfiguration(port: running.port), router: Router(),
                loop: running.loop, logger: Logger(service: "test", sink: running.log),
                metrics: running.metrics)
            await #expect {
                try await second.start()
            } throws: { error in
                (error as? SocketError)?.code == .addressInUse(running.port)
            }
        }
    }

    @Test func `more clients than the limit wait their turn (H90)`() async throws {
        try await withServer(limits: quickLimits { $0.connectionsMax = 1 }) { running in
            let first = try await running.client()
            _ = try await first.get("/hello")
            let second = try await running.client()
            try await second.send("GET /hello HTTP/1.1\r\nHost: t\r\n\r\n")
            let still = try await first.get("/hello")
            #expect(still.status == 200)
            let count = await running.server.connectionCount
            #expect(count == 1)
            await first.close()
            let answer = try await second.answer()
            #expect(answer.status == 200)
            await second.close()
        }
    }
}
