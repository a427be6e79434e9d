import Basics
import HTTP
import HTTPClient
import HTTPServer
import Resilience
import ServiceKit
import Sockets
import Support
import Telemetry
import Testing

@testable import GatewayService

@Suite(.timeLimit(.minutes(1)))
struct RateLimitTests {
    private static func shop(_ router: inout Router) {
        for route in PublicRoute.all {
            router.on(route.method, route.pattern) { _ in .text(200, "ok") }
        }
    }

    private func run(
        _ policies: String, adding environment: [String: String] = [:],
        _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        try await GatewayFixture.run(
            environment: environment.merging(["MERCATO_DEMO_IDENTITY": "on"]) { $1 },
            policies: policies, upstream: Self.shop, body)
    }

    private static let tight = """
        limits:
          - {id: catalogue, per: ip, routes: [GET /v1/products], burst: 3, refill: 1, period: 1h}
        """

    @Test func `beyond its burst a client is refused with 429, headers and problem (RL-5, RL-6)`()
        async throws
    {
        try await run(Self.tight) { gateway in
            for left in [2, 1, 0] {
                let answer = try await gateway.api(.get, "/v1/products")
                #expect(answer.status == 200)
                #expect(answer.headers["ratelimit-policy"] == #""catalogue";q=3;w=10800"#)
                let state = answer.headers["ratelimit"] ?? ""
                #expect(state.hasPrefix("\"catalogue\";r=\(left);t="), "\(state)")
                let full = try #require(Int(state.split(separator: "=").last ?? ""))
                #expect((3_600 * (3 - left) - 100...3_600 * (3 - left)).contains(full))
            }
            let refused = try await gateway.api(.get, "/v1/products")
            #expect(refused.status == 429)
            #expect(refused.headers["content-type"] == "application/problem+json")
            #expect(
                refused.json["type"]
                    == "https://iana.org/assignments/http-problem-types#quota-exceeded")
            #expect(refused.code == "quota_exceeded")
            #expect(refused.json["violated-policies"] == ["catalogue"])
            let wait = try #require(Int(refused.headers["retry-after"] ?? ""))
            #expect((3_500...3_601).contains(wait))
            #expect(refused.headers["ratelimit"] == "\"catalogue\";r=0;t=\(wait)")
            #expect(refused.json["trace_id"]?.text?.count == 32)
            // Other routes and other addresses have nothing to do with it.
            #expect(try await gateway.api(.get, "/v1/products/A").status == 200)
            #expect(try await gateway.api(.get, "/v1/products", peer: "192.0.2.8").status == 200)
            let metrics = gateway.context.metrics
            let name = "gateway_rate_limit_decisions_total"
            #expect(metrics.value(name, #"decision="refused",policy="catalogue",store="memory""#) == 1)
            #expect(metrics.value(name, #"decision="admitted",policy="catalogue",store="memory""#) == 4)
        }
    }

    @Test func `HEAD counts as GET, and a redirect carries no headers (RL-5)`() async throws {
        try await run("limits:\n  - {id: a, per: ip, burst: 4, refill: 1, period: 1h}") { gateway in
            let head = try await gateway.api(.head, "/")
            #expect(head.headers["ratelimit"]?.hasPrefix("\"a\";r=3") == true)
            let tag = try #require(head.headers["etag"])
            let unchanged = try await gateway.api(.get, "/", headers: ["if-none-match": tag])
            #expect(unchanged.status == 304)
            #expect(!unchanged.headers.contains("ratelimit"))
            // Unknown paths cost as well: a scanner is not free.
            #expect(try await gateway.api(.get, "/nothing").headers["ratelimit"]?.contains("r=1") == true)
        }
    }

    @Test func `customers have buckets of their own, behind one address (RL-4)`() async throws {
        let policies = "limits:\n  - {id: c, per: customer, burst: 1, refill: 1, period: 1h}"
        try await run(policies) { gateway in
            var statuses: [Int] = []
            func ask(_ target: String, _ authorization: String, peer: String = "192.0.2.7") async throws {
                let headers: Headers = ["authorization": authorization]
                statuses.append(try await gateway.api(.get, target, headers: headers, peer: peer).status)
            }
            for number in 1...3 {
                let bearer = "Bearer demo-018f2c6e-0000-7000-8000-00000000000\(number)"
                for _ in 0..<2 { try await ask("/v1/orders", bearer) }
            }
            // Nobody's request falls to the address, which the customers did not touch.
            for _ in 0..<2 { try await ask("/v1/products", "") }
            try await ask("/v1/orders", "", peer: "192.0.2.9")
            #expect(statuses == [200, 429, 200, 429, 200, 429, 200, 429, 401])
        }
    }

    @Test func `one customer's refusals do not drain the address all share (RL-3)`() async throws {
        let policies = """
            limits:
              - {id: house, per: ip, burst: 5, refill: 1, period: 1h}
              - {id: c, per: customer, burst: 1, refill: 1, period: 1h}
            """
        try await run(policies) { gateway in
            #expect(try await gateway.api(.get, "/v1/orders").status == 200)
            for _ in 0..<20 {
                let refused = try await gateway.api(.get, "/v1/orders")
                #expect(refused.status == 429)
                #expect(refused.json["violated-policies"] == ["c"])
                #expect(refused.headers["ratelimit-policy"]?.contains("house") == false)
            }
            let other = try await gateway.api(
                .get, "/v1/orders",
                headers: ["authorization": "Bearer demo-018f2c6e-0000-7000-8000-000000000001"])
            #expect(other.status == 200)
            #expect(other.headers["ratelimit"]?.contains("\"house\";r=3") == true)
            #expect(other.headers["ratelimit"]?.contains("\"c\";r=0") == true)
        }
    }

    @Test func `several limits of one stage take from all or from none, by cost (RL-3)`() async throws {
        let policies = """
            limits:
              - {id: wide, per: ip, burst: 100, refill: 1, period: 1h}
              - {id: dear, per: ip, burst: 10, refill: 1, period: 1h, costs: {POST /v1/orders: 5}}
            """
        try await run(policies) { gateway in
            for _ in 0..<2 { #expect(try await gateway.api(.post, "/v1/orders").status == 200) }
            for _ in 0..<10 { #expect(try await gateway.api(.get, "/v1/products").status == 429) }
            let refused = try await gateway.api(.get, "/v1/products")
            #expect(refused.headers["ratelimit"]?.contains("\"wide\";r=98") == true)
            #expect(refused.json["violated-policies"] == ["dear"])
        }
    }

    @Test func `a shadow limit refuses nothing and counts what it would refuse (RL-12)`() async throws {
        let policies = "limits:\n  - {id: s, per: ip, burst: 1, refill: 1, period: 1h, shadow: true}"
        try await run(policies) { gateway in
            for _ in 0..<4 {
                let answer = try await gateway.api(.get, "/v1/products")
                #expect(answer.status == 200)
                #expect(!answer.headers.contains("ratelimit"))
            }
            let shown = try await gateway.admin(.get, "/admin/policies", headers: ["host": "localhost"])
            #expect(shown.json["limits"]?.elements?.first?["decisions"] == ["admitted": 1, "would_refuse": 3])
        }
    }

    @Test func `behind a trusted proxy the forwarded client counts, elsewhere the peer (RL-4)`()
        async throws
    {
        try await run("trusted_proxies: [10.0.0.0/8]\n" + Self.tight) { gateway in
            for client in 1...5 {
                let headers: Headers = ["x-forwarded-for": "203.0.113.\(client)"]
                let answer = try await gateway.api(
                    .get, "/v1/products", headers: headers, peer: "10.0.0.1")
                #expect(answer.headers["ratelimit"]?.contains("r=2") == true)
                let forged = try await gateway.api(.get, "/v1/products", headers: headers)
                #expect(forged.status == (client <= 3 ? 200 : 429))
            }
        }
    }

    @Test func `the whole pipeline over HTTP: admitted, refused, and the connection goes on`()
        async throws
    {
        try await run(Self.tight) { gateway in
            let loop = gateway.context.loop
            let server = Server(
                configuration: ServerConfiguration(port: 0), router: gateway.composition.api,
                loop: loop, logger: gateway.context.logger, metrics: MetricsRegistry())
            let port = try await server.start()
            let serving = Task(executorPreference: loop) { try await server.run() }
            let client = Client(
                loop: loop, configuration: ClientConfiguration(), logger: gateway.context.logger)
            var statuses: [Int] = []
            for _ in 0..<5 {
                let answer = try await client.send(
                    ClientRequest(url: "http://127.0.0.1:\(port)/v1/products"))
                _ = try await answer.body.collect(upTo: 10_000)
                statuses.append(answer.status)
                #expect(answer.headers["x-request-id"] != nil)
                #expect(answer.headers["ratelimit-policy"] == #""catalogue";q=3;w=10800"#)
            }
            #expect(statuses == [200, 200, 200, 429, 429])
            serving.cancel()
            _ = await serving.result
        }
    }
}
