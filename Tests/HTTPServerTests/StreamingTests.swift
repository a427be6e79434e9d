import Basics
import HTTP
import HTTPServer
import Sockets
import Synchronization
import Telemetry
import Testing

@Suite(.timeLimit(.minutes(1)))
struct StreamingTests {
    struct Broken: Error {}

    @Test func `pieces arrive as chunks while the handler goes on (server-sent events)`()
        async throws
    {
        let next = AsyncQueue<String>(capacity: 10)
        try await withServer(
            limits: quickLimits(),
            routes: { router in
                router.on(.get, "/events") { _ in
                    .stream(200, type: "text/event-stream") { writer in
                        for await text in next { try await writer.write(Array(text.utf8)) }
                    }
                }
            }
        ) { running in
            let client = try await running.client()
            try await client.send("GET /events HTTP/1.1\r\nHost: t\r\n\r\n")
            next.push("data: 1\n\n")
            async let answer = client.answer()
            next.push("data: 2\n\n")
            next.finish()
            let whole = try await answer
            #expect(whole.headers["transfer-encoding"] == "chunked")
            #expect(whole.headers["content-type"] == "text/event-stream")
            #expect(whole.text == "data: 1\n\ndata: 2\n\n")
            let after = try await client.get("/hello")
            #expect(after.text == "hello")
            await client.close()
        }
    }

    @Test func `a slow reader holds the handler back, and gets every byte`() async throws {
        let total = 256
        let piece = [UInt8](repeating: 0x61, count: 65_536)
        let counter = Tally()
        try await withServer(
            limits: quickLimits(),
            routes: { router in
                router.on(.get, "/large") { _ in
                    .stream(200, type: "text/plain") { writer in
                        for _ in 0..<total {
                            try await writer.write(piece)
                            counter.add()
                        }
                    }
                }
            }
        ) { running in
            let client = try await running.client()
            try await client.send("GET /large HTTP/1.1\r\nHost: t\r\n\r\n")
            // Nobody reads: the handler fills the kernel's buffers and stops there.
            let stalled = try await running.settled { counter.value }
            #expect(stalled < total)
            let answer = try await client.answer()
            #expect(answer.body.count == total * piece.count)
            #expect(counter.value == total)
            await client.close()
        }
    }

    @Test func `a client that never reads is cut after the write stall (H86)`() async throws {
        let events = Events()
        try await withServer(
            limits: quickLimits { $0.writeStall = .milliseconds(50) },
            routes: { router in
                router.on(.get, "/endless") { _ in
                    .stream(200, type: "text/plain") { writer in
                        do {
                            while true {
                                try await writer.write([UInt8](repeating: 0, count: 65_536))
                            }
                        } catch {
                            events.add("cut")
                            throw error
                        }
                    }
                }
            }
        ) { running in
            let client = try await running.client()
            try await client.send("GET /endless HTTP/1.1\r\nHost: t\r\n\r\n")
            try await events.wait(for: "cut")
            await running.untilNoConnections()
            await client.close()
        }
    }

    @Test func `a handler that fails in the middle cuts the stream without a last chunk (H96)`()
        async throws
    {
        try await withServer(
            limits: quickLimits(),
            routes: { router in
                router.on(.get, "/broken") { _ in
                    .stream(200, type: "text/plain") { writer in
                        try await writer.write([0x61])
                        throw Broken()
                    }
                }
            }
        ) { running in
            let client = try await running.client()
            try await client.send("GET /broken HTTP/1.1\r\nHost: t\r\n\r\n")
            let text = try #require(try await client.rest())
            #expect(text.hasSuffix("1\r\na\r\n"))
            await client.close()
            // HTTP/1.0 has no chunks: a reset is the only sign.
            let old = try await running.client()
            try await old.send("GET /broken HTTP/1.0\r\nHost: t\r\n\r\n")
            let end = try await old.rest()
            #expect(end == nil)
            await old.close()
            #expect(running.log.lines.contains { $0.contains("stream failed") })
        }
    }

    @Test func `a stream that fails with a parser's error is cut, never answered a second time`()
        async throws
    {
        try await withServer(
            limits: quickLimits(),
            routes: { router in
                router.on(.get, "/relay") { _ in
                    .stream(200, type: "text/plain") { writer in
                        try await writer.write([0x61])
                        throw ParseError.truncated
                    }
                }
            }
        ) { running in
            let client = try await running.client()
            try await client.send("GET /relay HTTP/1.1\r\nHost: t\r\n\r\n")
            let text = try #require(try await client.rest())
            #expect(text.hasPrefix("HTTP/1.1 200 "))
            #expect(text.hasSuffix("\r\n\r\n1\r\na\r\n"))
            await client.close()
        }
    }

    @Test func `an HTTP 1.0 client gets a stream up to the end of the connection (H95)`()
        async throws
    {
        try await withServer(
            limits: quickLimits(),
            routes: { router in
                router.on(.get, "/lines") { _ in
                    .stream(200, type: "application/x-ndjson") { writer in
                        for number in 1...3 { try await writer.write(Array("\(number)\n".utf8)) }
                    }
                }
            }
        ) { running in
            let client = try await running.client()
            try await client.send("GET /lines HTTP/1.0\r\nHost: t\r\n\r\n")
            let text = try #require(try await client.rest())
            #expect(!text.lowercased().contains("transfer-encoding"))
            #expect(text.hasSuffix("\r\n\r\n1\n2\n3\n"))
            await client.close()
        }
    }

    @Test func `pieces of several tasks do not mix`() async throws {
        try await withServer(
            limits: quickLimits(),
            routes: { router in
                router.on(.get, "/mixed") { _ in
                    .stream(200, type: "text/plain") { writer in
                        try await withThrowingTaskGroup(of: Void.self) { group in
                            for letter in "abcd".utf8 {
                                group.addTask {
                                    for _ in 0..<20 {
                                        try await writer.write(
                                            [UInt8](repeating: letter, count: 1_000))
                                    }
                                }
                            }
                            try await group.waitForAll()
                        }
                    }
                }
            }
        ) { running in
            let client = try await running.client()
            try await client.send("GET /mixed HTTP/1.1\r\nHost: t\r\n\r\n")
            let answer = try await client.answer()
            try #require(answer.body.count == 80_000)
            for start in stride(from: 0, to: 80_000, by: 1_000) {
                #expect(Set(answer.body[start..<start + 1_000]).count == 1)
            }
            await client.close()
        }
    }
}

final class Tally: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    func add() { count.withLock { $0 += 1 } }
}
