import Basics
import HTTP
import HTTPServer
import ServiceKit
import Telemetry
import Testing

@testable import GatewayService

@Suite(.timeLimit(.minutes(1)))
struct IdentityTests {
    private let uuid = GatewayFixture.customer

    @Test func `a demo token is a customer only while demo identity is on`() {
        #expect(Identity(isDemo: true).customer(of: "Bearer demo-\(uuid)") == uuid)
        #expect(Identity(isDemo: true).customer(of: "bearer demo-\(uuid.uppercased())") == uuid)
        #expect(Identity(isDemo: false).customer(of: "Bearer demo-\(uuid)") == nil)
    }

    @Test(arguments: [
        nil, "", "Bearer", "Bearer demo-", "Bearer demo-x", "Basic demo-x", "demo-x",
        "Bearer  demo-018f2c6e-0000-7000-8000-00000000c057",
        "Bearer demo-018f2c6e-0000-7000-8000-00000000c057 ",
        "Bearer DEMO-018f2c6e-0000-7000-8000-00000000c057",
    ])
    func `anything else is nobody`(authorization: String?) {
        #expect(Identity(isDemo: true).customer(of: authorization) == nil)
    }

    @Test func `a customer's route without a token is 401 with the scheme, before any call`()
        async throws
    {
        let seen = Seen()
        try await GatewayFixture.run(upstream: { router in
            for route in PublicRoute.all {
                router.on(route.method, route.pattern) { request in
                    seen.add(request)
                    return .empty()
                }
            }
        }) { gateway in
            for route in PublicRoute.all where route.access == .customer {
                let target = route.pattern.replacing("{id}", with: "1").replacing("{sku}", with: "A")
                    .replacing("{order}", with: "1")
                let answer = try await gateway.api(
                    route.method, target, headers: ["authorization": "Bearer nobody"])
                #expect(answer.status == 401, "\(target)")
                #expect(answer.code == "unauthenticated")
                #expect(answer.headers["www-authenticate"] == "Bearer")
            }
            #expect(seen.count == 0)
            let open = try await gateway.api(
                .get, "/v1/products", headers: ["authorization": "Bearer nobody"])
            #expect(open.status == 204)
            #expect(seen.last?.headers.contains("x-mercato-customer") == false)
        }
    }

    @Test func `without demo identity no token is good enough`() async throws {
        try await GatewayFixture.run(environment: [:]) { gateway in
            let answer = try await gateway.api(.get, "/v1/orders")
            #expect(answer.status == 401)
        }
    }
}
