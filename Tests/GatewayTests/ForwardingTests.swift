import Basics
import HTTP
import HTTPServer
import ServiceKit
import Sockets
import Telemetry
import Testing

@testable import GatewayService

@Suite(.timeLimit(.minutes(1)))
struct ForwardingTests {
    private func withEcho(
        environment: [String: String] = ["MERCATO_DEMO_IDENTITY": "on"],
        _ body: (GatewayFixture, Seen) async throws -> Void
    ) async throws {
        let seen = Seen()
        try await GatewayFixture.run(
            environment: environment,
            upstream: { router in
                for route in PublicRoute.all {
                    router.on(route.method, route.pattern) { request in
                        seen.add(request)
                        return .bytes(
                            200, Array("{\"path\":\"\(request.path)\"}".utf8),
                            type: "application/json",
                            headers: ["x-answer": "kept", "keep-alive": "dropped"])
                    }
                }
            }
        ) { try await body($0, seen) }
    }

    @Test func `a request is forwarded with its query and body, and its answer comes back`()
        async throws
    {
        try await withEcho { gateway, seen in
            let answer = try await gateway.api(
                .post, "/v1/orders?x=%41",
                headers: ["content-type": "application/json", "idempotency-key": "k"],
                body: #"{"cart_id":"c"}"#)
            #expect(answer.status == 200)
            #expect(answer.headers["x-answer"] == "kept")
            #expect(answer.headers["x-request-id"] != nil)
            let request = try #require(seen.last)
            #expect(request.method == .post)
            #expect(request.target == "/v1/orders?x=%41")
            #expect(request.headers["idempotency-key"] == "k")
            #expect(String(decoding: request.body, as: UTF8.self) == #"{"cart_id":"c"}"#)
        }
    }

    @Test func `a malformed tracestate does not pass, a good one does (TC-1)`() async throws {
        let caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        try await withEcho { gateway, seen in
            for (given, passed) in [("a=b", "a=b"), ("no equals sign", nil)] {
                _ = try await gateway.api(
                    .get, "/v1/products", headers: ["traceparent": caller, "tracestate": given])
                let request = try #require(seen.last)
                #expect(request.headers["traceparent"]?.contains("4bf92f3577b34da6") == true)
                #expect(request.headers["tracestate"] == passed)
            }
        }
    }

    @Test func `hop-by-hop fields, forged identity and forwarding fields do not pass (PX-1, PX-2)`()
        async throws
    {
        try await withEcho { gateway, seen in
            let forged: Headers = [
                "x-mercato-customer": "018f2c6e-0000-7000-8000-0000000bad00",
                "X-Internal-Admin": "1", "X-Forwarded-For": "10.0.0.1", "Forwarded": "for=10.0.0.1",
                "X-Forwarded-Prefix": "/admin", "X-Real-IP": "10.0.0.1",
                "Connection": "keep-alive, x-secret, traceparent, idempotency-key",
                "X-Secret": "1", "TE": "trailers", "Upgrade": "h2c", "Proxy-Authorization": "x",
                "idempotency-key": "kept",
                "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            ]
            _ = try await gateway.api(.get, "/v1/orders", headers: forged)
            let headers = try #require(seen.last).headers
            #expect(headers.values("x-mercato-customer") == [GatewayFixture.customer])
            #expect(headers["x-forwarded-for"] == "192.0.2.7")
            #expect(headers["x-forwarded-host"] == "shop.example")
            for name in [
                "x-internal-admin", "forwarded", "x-forwarded-prefix", "x-real-ip", "connection",
                "x-secret", "te", "upgrade", "proxy-authorization", "authorization",
            ] { #expect(!headers.contains(name), "\(name)") }
            // Connection cannot name away what services rely on (CVE-2024-45410).
            #expect(headers["idempotency-key"] == "kept")
            #expect(headers["traceparent"]?.contains("0af7651916cd43dd8448eb211c80319c") == true)
        }
    }

    @Test func `an answer's hop-by-hop fields stop here`() async throws {
        try await withEcho { gateway, _ in
            let answer = try await gateway.api(.get, "/v1/products")
            #expect(!answer.headers.contains("keep-alive"))
            #expect(!answer.headers.contains("connection"))
        }
    }

    @Test func `the canonical path is what is routed and forwarded (PX-3)`() async throws {
        try await withEcho { gateway, seen in
            _ = try await gateway.api(.get, "//v1/./x/../products/%41%20B")
            #expect(seen.last?.target == "/v1/products/A%20B")
            #expect(throws: ParseError.self) { try Request(.get, "/v1/products/..%2f..%2fadmin") }
        }
    }

    @Test func `only listed routes exist outside`() async throws {
        try await withEcho { gateway, seen in
            for target in ["/internal/carts/1", "/admin/status", "/v1", "/metrics", "/v1/orders/1/x"] {
                let answer = try await gateway.api(.get, target)
                #expect(answer.status == 404)
            }
            let refused = try await gateway.api(.delete, "/v1/orders")
            #expect(refused.status == 405)
            #expect(seen.count == 0)
        }
    }

    @Test func `the time that is left goes downstream, never more than the route's (TO-2)`()
        async throws
    {
        try await withEcho { gateway, seen in
            for (asked, most) in [("60000", 5_000), ("200", 200), (nil, 5_000)] {
                var headers = Headers()
                headers["x-request-timeout-ms"] = asked
                let answer = try await gateway.api(.get, "/v1/products", headers: headers)
                #expect(answer.status == 200)
                let left = Int(seen.last?.headers["x-request-timeout-ms"] ?? "") ?? 0
                #expect(left > most / 2 && left < most, "\(left)")
            }
            let before = seen.count
            let late = try await gateway.api(
                .get, "/v1/products", headers: ["x-request-timeout-ms": "0"])
            #expect(late.status == 504)
            #expect(late.code == "deadline_exceeded")
            #expect(seen.count == before)
        }
    }

    @Test func `HEAD is forwarded as HEAD and keeps the length (H91)`() async throws {
        try await withEcho { gateway, _ in
            let answer = try await gateway.api(.head, "/v1/products")
            #expect(answer.status == 200)
            #expect(answer.headers["content-length"] == "23")
            #expect(answer.body.isEmpty)
        }
    }
}
