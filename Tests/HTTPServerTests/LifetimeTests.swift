import Basics
import HTTP
import HTTPServer
import Sockets
import Telemetry
import Testing

@Suite(.timeLimit(.minutes(1)))
struct LifetimeTests {
    /// A route that waits for ever and notes when it is cancelled.
    private func waiting(_ events: Events, _ forever: Forever, on router: inout Router) {
        router.on(.get, "/wait") { _ in
            events.add("started")
            do {
                try await forever.wait()
            } catch {
                events.add("cancelled")
                throw error
            }
            return .empty()
        }
        router.on(.get, "/stream") { _ in
            .stream(200, type: "text/event-stream") { writer in
                try await writer.write(Array("data: 1\n\n".utf8))
                events.add("started")
                do {
                    try await forever.wait()
                } catch {
                    events.add("cancelled")
                    throw error
                }
            }
        }
    }

    @Test(arguments: ["/wait", "/stream"], [true, false])
    func `a client that leaves cancels its handler`(path: String, byReset: Bool) async throws {
        let events = Events()
        let forever = Forever()
        try await withServer(
            limits: quickLimits(), routes: { waiting(events, forever, on: &$0) }
        ) { running in
            let client = try await running.client()
            try await client.send("GET \(path) HTTP/1.1\r\nHost: t\r\n\r\n")
            try await events.wait(for: "started")
            if byReset { await client.connection.abort() } else { await client.close() }
            try await events.wait(for: "cancelled")
            await running.untilNoConnections()
            #expect(running.metrics.render().contains("http_server_client_gone_total{"))
        }
    }

    @Test func `a client that only ends its sending side is still answered (H88)`() async throws {
        let go = AsyncSignal()
        let events = Events()
        try await withServer(
            limits: quickLimits { $0.halfCloseGrace = .seconds(20) },
            routes: { router in
                router.on(.get, "/slow") { _ in
                    events.add("started")
                    try await go.wait()
                    return .text(200, "done")
                }
            }
        ) { running in
            let client = try await running.client()
            try await client.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
            await client.connection.finishWriting()
            try await events.wait(for: "started")
            go.raise()
            let text = try #require(try await client.rest())
            #expect(text.hasSuffix("done"))
            await client.close()
        }
    }

    @Test func `draining finishes what is under way, closes what is idle, refuses what is new`()
        async throws
    {
        let go = AsyncSignal()
        let events = Events()
        try await withServer(
            limits: quickLimits { $0.drain = .seconds(30) },
            routes: { router in
                router.on(.get, "/slow") { _ in
                    events.add("started")
                    try await go.wait()
                    return .text(200, "done")
                }
            }
        ) { running in
            let idle = try await running.client()
            _ = try await idle.get("/hello")
            let busy = try await running.client()
            try await busy.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
            try await events.wait(for: "started")
            async let stopped: Void = running.stop()
            let idleRest = try await idle.rest()
            #expect(idleRest == "")
            await #expect(throws: SocketError.self) { _ = try await running.client() }
            go.raise()
            let answer = try await busy.answer()
            #expect(answer.text == "done")
            #expect(answer.headers["connection"] == "close")
            let busyRest = try await busy.rest()
            #expect(busyRest == "")
            await busy.close()
            await idle.close()
            try await stopped
        }
    }

    @Test func `a server that lets go answers everybody, and keeps no connection (HC-3)`() async throws {
        try await withServer(limits: quickLimits()) { running in
            let old = try await running.client()
            let before = try await old.get("/hello")
            #expect(before.headers["connection"] != "close")
            await running.server.letGo()
            let last = try await old.get("/hello")
            #expect(last.status == 200)
            #expect(last.headers["connection"] == "close")
            let rest = try await old.rest()
            #expect(rest == "")
            // Whoever has not heard yet still comes, and is served.
            let new = try await running.client()
            let answer = try await new.get("/hello")
            #expect(answer.status == 200)
            #expect(answer.headers["connection"] == "close")
            await old.close()
            await new.close()
        }
    }

    @Test func `what does not finish within the drain limit is cancelled`() async throws {
        let events = Events()
        let forever = Forever()
        try await withServer(
            limits: quickLimits { $0.drain = .milliseconds(50) },
            routes: { waiting(events, forever, on: &$0) }
        ) { running in
            let client = try await running.client()
            try await client.send("GET /wait HTTP/1.1\r\nHost: t\r\n\r\n")
            try await events.wait(for: "started")
            try await running.stop()
            #expect(events.all == ["started", "cancelled"])
            #expect(running.log.lines.contains { $0.contains("drain limit reached") })
            await client.close()
        }
    }

    @Test func `streams end early in a drain`() async throws {
        let events = Events()
        let forever = Forever()
        try await withServer(
            limits: quickLimits { $0.drain = .seconds(40) },
            routes: { waiting(events, forever, on: &$0) }
        ) { running in
            let client = try await running.client()
            try await client.send("GET /stream HTTP/1.1\r\nHost: t\r\n\r\n")
            try await events.wait(for: "started")
            try await running.stop()
            #expect(events.all == ["started", "cancelled"])
            await client.close()
        }
    }

    @Test func `hundreds of connections come and go without a trace`() async throws {
        try await withServer(limits: quickLimits()) { running in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let client = try await running.client()
                        let answer = try await client.get("/hello")
                        #expect(answer.status == 200)
                        if number % 3 == 0 { await client.connection.abort() }
                        await client.close()
                    }
                }
                try await group.waitForAll()
            }
            await running.untilNoConnections()
            let text = running.metrics.render()
            #expect(text.contains("http_server_connections{server=\"api\"} 0"))
            #expect(text.contains("http_server_connections_total{server=\"api\"} 200"))
        }
    }
}

/// A wait that only cancellation ends.
struct Forever: Sendable {
    func wait() async throws {
        try await OneShot<Void>().value()
    }
}
