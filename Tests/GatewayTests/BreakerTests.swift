import Basics
import HTTP
import HTTPClient
import HTTPServer
import Resilience
import ServiceKit
import Sockets
import Support
import Synchronization
import Telemetry
import Testing

@testable import GatewayService

/// The circuit breaker around real calls (CB-3 to CB-10).
@Suite(.timeLimit(.minutes(2)))
struct BreakerTests {
    private static let demo = ["MERCATO_DEMO_IDENTITY": "on"]
    /// Never probes while a test runs, however busy the machine is.
    private static let patient = """
        breakers:
          defaults: {minimum_calls: 4, wait: 1h, max_wait: 1h}
        """
    /// Probes soon.
    private static let quick = """
        breakers:
          defaults: {minimum_calls: 4, wait: 200ms, max_wait: 400ms, probes: 2}
        """

    /// What the upstream answers next, and how often it was asked.
    private final class Upstream: Sendable {
        let status = Mutex(200)
        let calls = Atomic<Int>(0)
        func answers(_ status: Int) { self.status.withLock { $0 = status } }
    }

    private func run(
        policies: String = patient, adding environment: [String: String] = [:],
        _ body: (GatewayFixture, Upstream) async throws -> Void
    ) async throws {
        let upstream = Upstream()
        try await GatewayFixture.run(
            environment: Self.demo.merging(environment) { $1 }, policies: policies,
            upstream: { router in
                for pattern in ["/v1/products", "/v1/carts/{id}"] {
                    router.on(.get, pattern) { _ in
                        upstream.calls.add(1, ordering: .relaxed)
                        return .text(upstream.status.withLock { $0 }, "x")
                    }
                }
            }
        ) { try await body($0, upstream) }
    }

    private func state(_ gateway: GatewayFixture, _ upstream: String = "inventory") async throws
        -> JSONValue
    {
        let shown = try await gateway.admin(.get, "/admin/policies", headers: ["host": "localhost"])
        return try #require(
            shown.json["breakers"]?.elements?.first { $0["upstream"]?.text == upstream })
    }

    @Test func `an upstream that fails is left alone (CB-3, CB-4, CB-10)`() async throws {
        try await run { gateway, upstream in
            upstream.answers(500)
            for _ in 0..<4 { #expect(try await gateway.api(.get, "/v1/products").status == 500) }
            for _ in 0..<20 {
                let refused = try await gateway.api(.get, "/v1/products")
                #expect(refused.status == 503)
                #expect(refused.code == "circuit_open")
                let wait = try #require(Int(refused.headers["retry-after"] ?? ""))
                #expect((2_800...4_320).contains(wait))
            }
            // No I/O while open; another upstream has a breaker of its own.
            #expect(upstream.calls.load(ordering: .relaxed) == 4)
            #expect(try await gateway.api(.get, "/v1/carts/1").status == 500)
            let open = try await state(gateway)
            #expect(open["state"] == "open")
            #expect((open["probes_in_ms"]?.integer ?? 0) > 0)
            let name = "gateway_breaker_refusals_total"
            #expect(gateway.context.metrics.value(name, #"upstream="inventory""#) == 20)
        }
    }

    @Test func `an upstream that is well again is found by probes (CB-4, CB-5)`() async throws {
        try await run(policies: Self.quick) { gateway, upstream in
            upstream.answers(500)
            for _ in 0..<4 { _ = try await gateway.api(.get, "/v1/products") }
            upstream.answers(200)
            try await eventually("it is closed again") {
                _ = try await gateway.api(.get, "/v1/products")
                return try await state(gateway)["state"] == "closed"
            }
            #expect(try await gateway.api(.get, "/v1/products").status == 200)
            let metrics = gateway.context.metrics
            let name = "gateway_breaker_transitions_total"
            #expect((metrics.value(name, #"from="closed",to="open",upstream="inventory""#) ?? 0) >= 1)
            #expect(metrics.value(name, #"from="half_open",to="closed",upstream="inventory""#) == 1)
            #expect(
                metrics.value("gateway_breaker_state", #"state="closed",upstream="inventory""#) == 1)
            #expect(metrics.value("gateway_breaker_state", #"state="open",upstream="inventory""#) == 0)
        }
    }

    @Test func `a killed upstream opens its breaker, a new one closes it`() async throws {
        try await TestLoop.run { loop in
            func server(_ port: Int) async throws -> (Int, Task<Void, any Error>) {
                var router = Router()
                router.on(.get, "/v1/carts/{id}") { _ in .text(200, "ok") }
                let server = Server(
                    configuration: ServerConfiguration(port: port), router: router, loop: loop,
                    logger: QuietLog.logger(), metrics: MetricsRegistry())
                let bound = try await server.start()
                return (bound, Task(executorPreference: loop) { try await server.run() })
            }
            let (port, first) = try await server(0)
            try await GatewayFixture.run(
                environment: Self.demo.merging(["MERCATO_URL_CART": "http://127.0.0.1:\(port)"]) { $1 },
                policies: Self.quick
            ) { gateway in
                #expect(try await gateway.api(.get, "/v1/carts/1").status == 200)
                first.cancel()
                _ = await first.result
                try await eventually("its breaker opens") {
                    try await gateway.api(.get, "/v1/carts/1").code == "circuit_open"
                }
                let (_, second) = try await server(port)
                let clock = ContinuousClock()
                let elapsed = try await clock.measure {
                    try await eventually("it is back") {
                        try await gateway.api(.get, "/v1/carts/1").status == 200
                    }
                }
                // The longest wait of the file is 480 ms; the rest is the machine's.
                #expect(elapsed < .seconds(5))
                second.cancel()
                _ = await second.result
            }
        }
    }

    @Test(arguments: [400, 401, 404, 409, 422, 429, 501])
    func `refusals for good reasons never open it (CB-8)`(status: Int) async throws {
        try await run { gateway, upstream in
            upstream.answers(status)
            for _ in 0..<12 { #expect(try await gateway.api(.get, "/v1/products").status == status) }
            let breaker = try await state(gateway)
            #expect(breaker["state"] == "closed")
            #expect(breaker["window"]?["calls"] == 12)
            #expect(breaker["window"]?["errors"] == 0)
        }
    }

    @Test(arguments: [500, 502, 503, 504])
    func `faults of the upstream open it, also when their answer is passed on (CB-8)`(status: Int)
        async throws
    {
        try await run { gateway, upstream in
            upstream.answers(status)
            for _ in 0..<4 { _ = try await gateway.api(.get, "/v1/products") }
            #expect(try await gateway.api(.get, "/v1/products").code == "circuit_open")
        }
    }

    @Test func `the gateway's own refusals never feed the breaker (CB-8, gateway.md §1)`() async throws {
        let policies = "limits:\n  - {id: a, per: ip, burst: 1, refill: 1, period: 1h}\n" + Self.patient
        try await run(policies: policies) { gateway, upstream in
            for _ in 0..<20 { _ = try await gateway.api(.get, "/v1/products") }
            // No time left: nothing is sent, nothing is counted.
            for _ in 0..<20 {
                let late = try await gateway.api(
                    .get, "/v1/products", headers: ["x-request-timeout-ms": "4"], peer: "192.0.2.200")
                #expect(late.status != 200)
            }
            #expect(try await state(gateway)["window"]?["calls"]?.integer ?? 99 <= 2)
            #expect(try await state(gateway)["state"] == "closed")
            #expect(upstream.calls.load(ordering: .relaxed) <= 2)
        }
    }

    @Test func `a client's own short limit, or its going away, says nothing of the upstream (CB-6, CB-8)`()
        async throws
    {
        let waiting = AsyncQueue<Int>(capacity: 64)
        try await GatewayFixture.run(
            environment: Self.demo, policies: Self.patient,
            upstream: { router in
                router.on(.get, "/v1/products") { _ in
                    waiting.push(1)
                    try await OneShot<Void>().value()
                    return .empty()
                }
            }
        ) { gateway in
            for _ in 0..<8 {
                let answer = try await gateway.api(
                    .get, "/v1/products", headers: ["x-request-timeout-ms": "30"])
                #expect(answer.status == 504)
            }
            for _ in 0..<8 {
                let call = Task(executorPreference: gateway.context.loop) {
                    try await gateway.api(.get, "/v1/products")
                }
                _ = await waiting.next()
                call.cancel()
                _ = await call.result
            }
            let breaker = try await state(gateway)
            #expect(breaker["state"] == "closed")
            #expect(breaker["window"]?["calls"] == 0)
        }
    }

    @Test func `an upstream that hangs up to the route's limit opens it`() async throws {
        try await GatewayFixture.run(
            environment: Self.demo.merging(["MERCATO_ROUTE_TIMEOUT_MS": "60"]) { $1 },
            policies: Self.patient,
            upstream: { router in
                router.on(.get, "/v1/products") { _ in
                    try await OneShot<Void>().value()
                    return .empty()
                }
            }
        ) { gateway in
            try await eventually("it opens") {
                try await gateway.api(.get, "/v1/products").code == "circuit_open"
            }
        }
    }

    @Test func `an operator's hand on a breaker, by PUT and by POST`() async throws {
        try await run { gateway, upstream in
            let host: Headers = ["host": "localhost"]
            let forced = try await gateway.admin(
                .put, "/admin/breakers/inventory", headers: host, body: #"{"mode":"forced_open"}"#)
            #expect(forced.status == 200)
            #expect(forced.json["state"] == "forced_open")
            #expect(try await gateway.api(.get, "/v1/products").code == "circuit_open")
            #expect(upstream.calls.load(ordering: .relaxed) == 0)
            let counting = try await gateway.admin(
                .post, "/admin/breakers/inventory", headers: host, body: #"{"mode":"metrics_only"}"#)
            #expect(counting.json["mode"] == "metrics_only")
            upstream.answers(500)
            for _ in 0..<8 { #expect(try await gateway.api(.get, "/v1/products").status == 500) }
            let window = try await state(gateway)["window"]
            #expect(window?["errors"] == window?["calls"])
            let auto = try await gateway.admin(
                .put, "/admin/breakers/inventory", headers: host, body: #"{"mode":"auto"}"#)
            #expect(auto.json["state"] == "closed")
            for (target, body, code) in [
                ("nobody", #"{"mode":"auto"}"#, "breaker_not_found"),
                ("order", #"{"mode":"open"}"#, "invalid_field"), ("order", "", "invalid_field"),
            ] {
                let refused = try await gateway.admin(
                    .put, "/admin/breakers/\(target)", headers: host, body: body)
                #expect(refused.code == code)
            }
            #expect(try await gateway.admin(.get, "/admin/breakers/order", headers: host).status == 405)
        }
    }

    @Test func `each change is one line of the log, with the upstream and the reason`() throws {
        let sink = MemorySink()
        let breaker = UpstreamBreaker(
            "order", .init(callsMin: 2), mode: .auto, logger: Logger(service: "g", sink: sink),
            metrics: MetricsRegistry(), random: .seeded(1))
        for _ in 0..<2 { breaker.finish(try breaker.admit(), .failure) }
        #expect(throws: Problem.self) { try breaker.admit() }
        let lines = sink.lines.filter { $0.contains("the circuit breaker changed") }
        #expect(lines.count == 1)
        for part in [#""upstream":"order""#, #""from":"closed""#, #""to":"open""#, "2 of 2 calls failed"] {
            #expect(lines.first?.contains(part) == true, "\(part)")
        }
    }
}
