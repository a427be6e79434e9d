import Configuration
import HTTP
import ServiceKit
import TLSFixture
import Testing

@testable import GatewayService

@Suite(.timeLimit(.minutes(1))) struct GatewayTLSTests {
    @Test func `services are told by which scheme the customer came`() async throws {
        let authority = try TestAuthority()
        let files = try authority.issue()
        let secure = [
            "MERCATO_DEMO_IDENTITY": "on", "MERCATO_TLS_CERT": files.chain,
            "MERCATO_TLS_KEY": files.key,
        ]
        for (environment, scheme) in [(["MERCATO_DEMO_IDENTITY": "on"], "http"), (secure, "https")] {
            let seen = Seen()
            try await GatewayFixture.run(environment: environment) { router in
                router.on(.get, "/v1/orders") { request in
                    seen.add(request)
                    return .text(200, "ok")
                }
            } _: { gateway in
                _ = try await gateway.api(
                    .get, "/v1/orders", headers: ["x-forwarded-proto": "forged"])
                #expect((gateway.composition.apiTLS != nil) == (scheme == "https"))
            }
            let headers = try #require(seen.last).headers
            #expect(headers.values("x-forwarded-proto") == [scheme])
        }
    }

    @Test func `half of the settings ends the start`() {
        let error = #expect(throws: ConfigurationError.self) {
            try GatewayConfiguration(EnvironmentReader(["MERCATO_TLS_CERT": "/nowhere"]))
        }
        #expect(error?.key == "MERCATO_TLS_KEY")
    }
}
