import Basics
import Configuration
import Foundation
import Resilience
import Support
import Telemetry
import Testing

@testable import GatewayService
@testable import ServiceKit

@Suite struct PolicyFileTests {
    @Test func `the built-in file has generous limits, and a breaker for each upstream`() throws {
        let file = try PolicyFile.load(path: nil, routes: Policies.routes)
        #expect(file.source == "built-in")
        #expect(file.limits.map(\.id) == ["address", "customer"])
        #expect(file.limits.allSatisfy { $0.store == .memory && !$0.isShadow && $0.limit.refill >= 1_000 })
        #expect(file.breakers.map(\.upstream) == [.cart, .order, .inventory, .payment])
        #expect(file.breakers.allSatisfy { $0.mode == .auto && $0.settings.waitMax <= .seconds(1) })
        #expect(file.trustedProxies.isEmpty)
        #expect(file.needsRedis == nil)
    }

    @Test func `the strict example is a valid file`() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().path
        let file = try PolicyFile.load(
            path: folder + "/../../deploy/gateway/policies-strict.yaml", routes: Policies.routes)
        #expect(file.limits.map(\.id) == ["orders", "catalogue", "address-trial"])
        #expect(file.needsRedis?.id == "orders")
        #expect(file.limits[1].cost(of: .init(method: "GET", pattern: "/v1/products")) == 2)
        #expect(file.limits[1].cost(of: .init(method: "HEAD", pattern: "/v1/products/{sku}")) == 1)
        #expect(file.limits[1].cost(of: .init(method: "POST", pattern: "/v1/orders")) == nil)
        let inventory = file.breakers.first { $0.upstream == .inventory }
        #expect(inventory?.settings.slowAfter == .milliseconds(500))
        #expect(inventory?.settings.callsMin == 5)
    }

    @Test func `everything left out is the design's default (CB-9)`() throws {
        let file = try Policies.parse("{}")
        #expect(file.limits.isEmpty)
        #expect(file.breakers.map(\.settings) == Array(repeating: CircuitBreaker.Settings(), count: 4))
        #expect(file.keysMax == 65_536)
    }

    @Test(arguments: [
        ("limits:\n  - {id: a, per: ip, burst: abc, refill: 1}", "2: limits[0].burst: \"abc\" is not an integer from 1 to 1000000"),
        ("limits:\n  - {id: a, per: ip, burst: 0, refill: 1}", "2: limits[0].burst: \"0\" is not"),
        ("limits:\n  - {id: a, per: ip, burst: 1}", "2: limits[0]: the key \"refill\" is missing"),
        ("limits:\n  - {id: a, per: user, burst: 1, refill: 1}", "2: limits[0].per: \"user\" is not one of ip, customer"),
        ("limits:\n  - id: a\n    per: ip\n    burst: 5\n    refill: 1\n    cost: 6", "6: limits[0].cost: \"6\" is not an integer from 1 to 5"),
        ("limits:\n  - id: a\n    per: ip\n    burst: 5\n    refill: 1\n    stroe: redis", "6: limits[0].stroe: is not a known key; did you mean \"store\"?"),
        ("limits:\n  - {id: A b, per: ip, burst: 1, refill: 1}", "2: limits[0].id: \"A b\" is not an id"),
        ("limits:\n  - {id: a, per: ip, burst: 1, refill: 1}\n  - {id: a, per: ip, burst: 1, refill: 1}", "3: limits[1]: the id \"a\" is taken"),
        ("limits:\n  - {id: a, per: ip, burst: 1, refill: 1, period: 5}", "2: limits[0].period: \"5\" is not a duration"),
        ("limits:\n  - id: a\n    per: ip\n    burst: 1\n    refill: 1\n    routes:\n      - GET /v1/product", "7: limits[0].routes[0]: \"GET /v1/product\" is not one of"),
        ("limits:\n  - id: a\n    per: ip\n    burst: 9\n    refill: 1\n    routes: [GET /]\n    costs:\n      GET /v1/products: 2", "8: limits[0].costs.GET /v1/products: is not among the routes"),
        ("trusted_proxies: [10.0.0.1/8]", "1: trusted_proxies[0]: \"10.0.0.1/8\" is not an address or block"),
        ("breakers:\n  upstreams:\n    orders: {}", "3: breakers.upstreams.orders: is not a known key; did you mean \"order\"?"),
        ("breakers:\n  defaults:\n    failure_percent: 0", "3: breakers.defaults.failure_percent: \"0\" is not"),
        ("breakers:\n  defaults:\n    wait: 2m\n    max_wait: 1m", "3: breakers.defaults.wait: wait must not be longer"),
        ("breakers:\n  defaults: {window: 5s, window_calls: 5}", "2: breakers.defaults: has both window and window_calls"),
        ("breakers:\n  upstreams:\n    order:\n      mode: open", "4: breakers.upstreams.order.mode: \"open\" is not one of auto, forced_open"),
        ("limit: []", "1: limit: is not a known key; did you mean \"limits\"?"),
        ("- a", "1: is a list; allowed is a mapping"),
        ("a: [", "is not valid YAML"),
    ])
    func `a mistake is named by file, line and key`(text: String, expected: String) throws {
        let error = #expect(throws: YAMLError.self) { try Policies.parse(text) }
        let shown = error?.description ?? ""
        #expect(shown.hasPrefix("policies.yaml:"), "\(shown)")
        #expect(shown.contains(expected), "\(shown)")
    }

    @Test func `a mistake in the file ends the start with exit code 78`() throws {
        let error = #expect(throws: YAMLError.self) { try Policies.parse("limits: 5") }
        #expect(ServiceProgram.exitCode(of: try #require(error)) == ExitCode.configuration)
    }

    @Test func `a file that is not there, and Redis that nobody named, are told at start`() async throws {
        await #expect(throws: YAMLError.self) {
            try await GatewayFixture.run(
                environment: ["MERCATO_GATEWAY_POLICIES": "/nonexistent/p.yaml"]
            ) { _ in }
        }
        let error = await #expect(throws: ConfigurationError.self) {
            try await GatewayFixture.run(
                policies: "limits:\n  - {id: a, per: ip, burst: 1, refill: 1, store: redis}"
            ) { _ in }
        }
        #expect(error?.key == "MERCATO_REDIS_URL")
        #expect(error?.message.contains("the limit \"a\" at policies.yaml:2 has store: redis") == true)
    }
}
