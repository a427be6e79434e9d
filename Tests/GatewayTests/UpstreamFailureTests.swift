import Basics
import HTTP
import HTTPServer
import ServiceKit
import Sockets
import Synchronization
import Telemetry
import Testing

@testable import GatewayService

@Suite(.timeLimit(.minutes(1)))
struct UpstreamFailureTests {
    private static let demo = ["MERCATO_DEMO_IDENTITY": "on"]

    @Test func `a dead upstream is a 503 problem with Retry-After (PJ-2)`() async throws {
        let loop = try EventLoop(name: "port")
        loop.start()
        let listener = try TCPListener(host: "127.0.0.1", port: 0, loop: loop)
        let port = listener.port
        await listener.close()
        loop.stop()
        var environment = Self.demo
        environment["MERCATO_URL_CART"] = "http://127.0.0.1:\(port)"
        try await GatewayFixture.run(environment: environment) { gateway in
            let answer = try await gateway.api(.get, "/v1/carts/1")
            #expect(answer.status == 503)
            #expect(answer.code == "upstream_unavailable")
            #expect(answer.headers["retry-after"] == "1")
            #expect(answer.headers["content-type"] == "application/problem+json")
            #expect(answer.json["trace_id"]?.text?.count == 32)
            #expect(answer.json["instance"]?.text?.hasPrefix("urn:uuid:") == true)
            #expect(!answer.text.contains("127.0.0.1"))
        }
    }

    @Test func `a call whose answer's body is cut counts once`() async throws {
        let loop = try EventLoop(name: "cutter")
        loop.start()
        defer { loop.stop() }
        let listener = try TCPListener(host: "127.0.0.1", port: 0, loop: loop)
        var environment = Self.demo
        environment["MERCATO_URL_CART"] = "http://127.0.0.1:\(listener.port)"
        try await GatewayFixture.run(environment: environment) { gateway in
            async let cut: Void = {
                let connection = try await listener.accept()
                _ = try await connection.read(deadline: .after(.seconds(5)))
                let head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
                try await connection.write(Array(head.utf8))
                await connection.close()
            }()
            let answer = try await gateway.api(.get, "/v1/carts/1")
            try await cut
            #expect(answer.status == 502)
            #expect(answer.code == "bad_upstream_response")
            let counts = gateway.context.metrics.render().split(separator: "\n")
                .filter { $0.hasPrefix("gateway_upstream_requests_total{") && !$0.hasSuffix(" 0") }
            #expect(counts.count == 1)
            #expect(counts.first?.contains(#"outcome="2xx""#) == true)
            #expect(counts.first?.hasSuffix(" 1") == true)
        }
        await listener.close()
    }

    @Test func `an upstream that does not answer in time is a 504, and its call is cancelled`()
        async throws
    {
        let cancelled = OneShot<Void>()
        var environment = Self.demo
        environment["MERCATO_ROUTE_TIMEOUT_MS"] = "60"
        try await GatewayFixture.run(
            environment: environment,
            upstream: { router in
                router.on(.get, "/v1/products") { _ in
                    do {
                        try await OneShot<Void>().value()
                    } catch {
                        cancelled.succeed()
                        throw error
                    }
                    return .empty()
                }
            }
        ) { gateway in
            let answer = try await gateway.api(.get, "/v1/products")
            #expect(answer.status == 504)
            #expect(["upstream_timeout", "deadline_exceeded"].contains(answer.code))
            try await cancelled.value()
        }
    }

    @Test func `an upstream's own errors pass unchanged`() async throws {
        try await GatewayFixture.run(
            environment: Self.demo,
            upstream: { router in
                router.on(.get, "/v1/products") { _ in
                    // The server refuses to write such a head, so this is its own 500.
                    Response(status: 200, headers: ["x": "a\r\nb: c"])
                }
                router.on(.get, "/v1/products/{sku}") { _ in throw Problem.routeNotFound }
            }
        ) { gateway in
            let broken = try await gateway.api(.get, "/v1/products")
            #expect(broken.status == 500)
            let missing = try await gateway.api(.get, "/v1/products/X")
            #expect(missing.code == "not_found")
        }
    }

    @Test func `a stream outlives the deadline, passes Last-Event-ID, and ends when upstream does`()
        async throws
    {
        let more = AsyncQueue<String>(capacity: 8)
        let seen = Seen()
        var environment = Self.demo
        environment["MERCATO_ROUTE_TIMEOUT_MS"] = "150"
        try await GatewayFixture.run(
            environment: environment,
            upstream: { router in
                router.on(.get, "/v1/orders/{id}/events") { request in
                    seen.add(request)
                    return .stream(200, type: ServerSentEvent.mediaType) { writer in
                        for await text in more {
                            try await writer.write(ServerSentEvent(id: text, data: text).bytes)
                        }
                    }
                }
            }
        ) { gateway in
            let request = try Request(
                .get, "/v1/orders/1/events",
                headers: ["authorization": GatewayFixture.bearer, "last-event-id": "7"])
            let started = ContinuousClock.now
            let response = await gateway.composition.api.respond(to: request)
            #expect(response.status == 200)
            #expect(response.headers["content-type"] == ServerSentEvent.mediaType)
            #expect(seen.last?.headers["last-event-id"] == "7")
            guard case .stream(_, let write) = response.body else {
                Issue.record("the answer is not a stream")
                return
            }
            let writer = CollectingWriter()
            async let relayed: Void = write(writer)
            more.push("8")
            while writer.bytes.isEmpty { await Task.yield() }
            let past = ContinuousClock.now.duration(to: started.advanced(by: .milliseconds(160)))
            try await gateway.context.loop.sleep(for: past)
            more.push("9")
            more.finish()
            try await relayed
            #expect(
                String(decoding: writer.bytes, as: UTF8.self)
                    == "id: 8\ndata: 8\n\nid: 9\ndata: 9\n\n")
        }
    }

    @Test func `a stream that upstream cuts is cut here too, not ended (U2)`() async throws {
        struct Broken: Error {}
        try await GatewayFixture.run(
            environment: Self.demo,
            upstream: { router in
                router.on(.get, "/v1/orders/{id}/events") { _ in
                    .stream(200, type: ServerSentEvent.mediaType) { writer in
                        try await writer.write(ServerSentEvent(data: "1").bytes)
                        throw Broken()
                    }
                }
            }
        ) { gateway in
            await #expect(throws: (any Error).self) {
                try await gateway.api(.get, "/v1/orders/1/events")
            }
        }
    }
}
