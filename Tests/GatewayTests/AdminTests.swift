import Basics
import Configuration
import HTTP
import HTTPServer
import ServiceKit
import Telemetry
import Testing

@testable import GatewayService

@Suite(.timeLimit(.minutes(1)))
struct AdminTests {
    private static func service(_ router: inout Router) {
        router.on(.get, "/livez") { _ in
            .bytes(
                200, Array(#"{"status":"alive","version":"1","pid":7}"#.utf8),
                type: "application/json")
        }
        router.on(.get, "/readyz") { _ in
            .bytes(
                503, Array(#"{"status":"not_ready","checks":{"start":{"status":"x"}}}"#.utf8),
                type: "application/json")
        }
        router.on(.get, "/internal/audit") { _ in
            .stream(200, type: "application/x-ndjson") { writer in
                for number in 0..<3 { try await writer.write(Array("{\"n\":\(number)}\n".utf8)) }
            }
        }
        router.on(.put, "/internal/products/{sku}") { request in
            .text(
                200,
                try request.parameter("sku") + "|" + (request.query("x") ?? "") + "|"
                    + String(decoding: request.body, as: UTF8.self) + "|"
                    + (request.headers["authorization"] ?? "none"))
        }
    }

    @Test func `status asks every service and tells what each says`() async throws {
        try await GatewayFixture.run(upstream: Self.service) { gateway in
            let answer = try await gateway.admin(.get, "/admin/status")
            #expect(answer.status == 200)
            #expect(answer.json["status"] == "not_ready")
            let services = try #require(answer.json["services"]?.elements)
            #expect(
                services.compactMap { $0["service"]?.text } == [
                    "gateway", "cart", "order", "inventory", "payment", "payment-provider",
                ])
            #expect(services[1]["status"] == "not_ready")
            #expect(services[1]["pid"] == 7)
            #expect(services[1]["version"] == "1")
            #expect(services[1]["operations_port"]?.integer == Int64(gateway.upstreamPort))
            #expect(services[1]["checks"]?["start"] != nil)
        }
    }

    @Test func `a service that is down is named unreachable and spoils nothing else`() async throws {
        try await GatewayFixture.run(
            environment: ["MERCATO_OPS_URL_CART": "http://127.0.0.1:1"], upstream: Self.service
        ) { gateway in
            let services = try await gateway.admin(.get, "/admin/status").json["services"]?.elements
            #expect(services?[1]["status"] == "unreachable")
            #expect(services?[1]["cause"] == "connectFailed")
            #expect(services?[2]["status"] == "not_ready")
        }
    }

    @Test func `an admin path reaches the service's internal path, both ways`() async throws {
        try await GatewayFixture.run(upstream: Self.service) { gateway in
            let audit = try await gateway.admin(.get, "/admin/order/audit")
            #expect(audit.text == "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n")
            #expect(audit.headers["content-type"] == "application/x-ndjson")
            let put = try await gateway.admin(
                .put, "/admin/inventory/products/A%20B?x=1", body: "hello")
            #expect(put.text == "A B|1|hello|none")
            #expect(try await gateway.admin(.get, "/admin/provider/audit").status == 200)
            #expect(try await gateway.admin(.get, "/admin/nobody/audit").code == "service_not_found")
        }
    }

    @Test func `off loopback a token is demanded, compared whole, and not passed on`() async throws {
        let token = "0123456789abcdef-token"
        let environment = ["MERCATO_HOST": "0.0.0.0", "MERCATO_ADMIN_TOKEN": token]
        try await GatewayFixture.run(environment: environment, upstream: Self.service) { gateway in
            for wrong in ["", "Bearer", "Bearer x", "Bearer \(token)x", "Basic \(token)"] {
                for target in ["/admin/status", "/admin/order/audit", "//admin/order/audit"] {
                    let refused = try await gateway.admin(
                        .get, target, headers: ["authorization": wrong])
                    #expect(refused.status == 401)
                }
            }
            let answer = try await gateway.admin(
                .put, "/admin/inventory/products/A", headers: ["authorization": "Bearer \(token)"])
            #expect(answer.text == "A|||none")
        }
    }

    @Test func `off loopback without a configured token the admin routes are closed`() async throws {
        try await GatewayFixture.run(
            environment: ["MERCATO_HOST": "0.0.0.0"], upstream: Self.service
        ) { gateway in
            let refused = try await gateway.admin(
                .get, "/admin/status", headers: ["authorization": "Bearer "])
            #expect(refused.status == 403)
            #expect(refused.code == "admin_closed")
        }
    }

    @Test func `off loopback everything but the probes and metrics needs the token`() async throws {
        let environment = [
            "MERCATO_HOST": "0.0.0.0", "MERCATO_ADMIN_TOKEN": "0123456789abcdef-token",
        ]
        try await GatewayFixture.run(environment: environment, upstream: Self.service) { gateway in
            for target in [
                // A combining accent makes one character with the slash before it.
                "/%CC%81admin/status", "/%CC%81admin/order/audit", "/admin/%CC%81order/audit",
                "/", "/admin", "/internal/audit", "/livez/", "/%CC%81livez",
            ] {
                let refused = try await gateway.admin(.get, target)
                #expect(refused.status == 401, "\(target)")
            }
            let options = try await gateway.admin(.options, "*")
            #expect(options.status == 401)
            // The runtime adds these three to the operations port.
            var probes = gateway.composition.operations
            for route in ["/livez", "/readyz", "/metrics"] {
                probes.on(.get, route) { _ in .text(200, "open") }
            }
            for target in ["/livez", "/readyz", "/metrics"] {
                #expect(await probes.respond(to: try Request(.get, target)).status == 200)
            }
            #expect(await probes.respond(to: try Request(.get, "/%CC%81livez")).status == 401)
        }
    }

    @Test func `on loopback a page from elsewhere cannot post`() async throws {
        try await GatewayFixture.run(upstream: Self.service) { gateway in
            func post(from origin: String) async throws -> GatewayFixture.Answer {
                try await gateway.admin(
                    .post, "/admin/breakers/order",
                    headers: [
                        "host": "127.0.0.1:8081", "origin": origin, "content-type": "text/plain",
                    ], body: #"{"mode":"metrics_only"}"#)
            }
            for origin in [
                "http://evil.example", "https://127.0.0.1.evil.example", "null", "",
                "http://evil@127.0.0.1", "file://",
            ] {
                let refused = try await post(from: origin)
                #expect(refused.status == 403 && refused.code == "origin_not_allowed", "\(origin)")
            }
            for origin in ["http://127.0.0.1:8080", "https://localhost", "http://[::1]:8081"] {
                #expect(try await post(from: origin).status == 200, "\(origin)")
            }
        }
    }

    @Test func `on loopback another host's name is refused (DNS rebinding)`() async throws {
        try await GatewayFixture.run(upstream: Self.service) { gateway in
            for host in [
                "evil.example", "evil.example:8081", "127.0.0.1.evil.example", "127.evil",
                "localhost.evil.example", "localhost:8081:1", "192.0.2.1", "[::2]:8081", "[::1",
                "127.0.0.1:x", "127.0.0", "0.0.0.0:8081", "",
            ] {
                let refused = try await gateway.admin(
                    .get, "/admin/order/audit", headers: ["host": host])
                #expect(refused.status == 403, "\(host)")
                #expect(refused.code == "host_not_allowed", "\(host)")
            }
            for host in ["localhost", "LocalHost:8081", "127.0.0.1:8081", "127.8.0.1", "[::1]:8081"] {
                let answer = try await gateway.admin(
                    .get, "/admin/order/audit", headers: ["host": host])
                #expect(answer.status == 200, "\(host)")
            }
        }
    }

    @Test(arguments: [
        ["MERCATO_URL_CART": "cart:8101"], ["MERCATO_URL_CART": "http://"],
        ["MERCATO_OPS_URL_ORDER": "http://a/b"], ["MERCATO_URL_ORDER": "https://a"],
        ["MERCATO_ADMIN_TOKEN": "short"], ["MERCATO_ROUTE_TIMEOUT_MS": "0"],
    ])
    func `a setting that cannot work is refused at start by name`(values: [String: String]) throws {
        let error = #expect(throws: ConfigurationError.self) {
            try GatewayConfiguration(EnvironmentReader(values))
        }
        #expect(error?.key == values.keys.first)
    }

    @Test func `addresses follow the services' port keys, and have defaults`() throws {
        let plain = try GatewayConfiguration(EnvironmentReader([:]))
        #expect(plain.address(of: .order)?.url == "http://127.0.0.1:8102")
        #expect(plain.address(of: .provider)?.operationsURL == "http://127.0.0.1:8205")
        let moved = try GatewayConfiguration(EnvironmentReader(["MERCATO_PORT_ORDER_OPS": "9999"]))
        #expect(moved.address(of: .order)?.operationsURL == "http://127.0.0.1:9999")
    }
}
