import HTTP
import Support
import Testing

@testable import GatewayService

/// The document and the routes say the same.
@Suite struct OpenAPITests {
    private func document() throws -> OpenAPIDocument {
        try OpenAPIDocument(String(decoding: PackageResources.openapi_yaml, as: UTF8.self))
    }

    @Test func `every public route is in the document, and nothing else is`() throws {
        let described = try document().operations.map { "\($0.method) \($0.path)" }
        let routed = PublicRoute.all.map { "\($0.method.text) \($0.pattern)" }
        #expect(Set(described) == Set(routed))
        #expect(described.count == routed.count)
    }

    @Test func `the document says who needs a token`() throws {
        for operation in try document().operations {
            let route = PublicRoute.all.first {
                $0.method.text == operation.method && $0.pattern == operation.path
            }
            #expect((route?.access == .everybody) == operation.isOpen, "\(operation.id)")
            #expect(
                operation.isOpen == (operation.responses["401"] == nil), "401 of \(operation.id)")
        }
    }

    @Test func `every refusal is a problem document, and the gateway's own are declared`() throws {
        let operations = try document().operations
        #expect(Set(operations.map(\.id)).count == operations.count)
        for operation in operations {
            for (status, types) in operation.responses where status >= "400" {
                #expect(types == ["application/problem+json"], "\(operation.id) \(status)")
            }
            // Hygiene, limits, breaker, forwarder, deadline: any operation can meet them.
            for status in ["400", "429", "500", "502", "503", "504"] {
                #expect(operation.responses[status] != nil, "\(operation.id) lacks \(status)")
            }
        }
    }

    @Test func `the document is served without a token, and asked about again`() async throws {
        try await GatewayFixture.run(environment: [:]) { gateway in
            let answer = try await gateway.api(.get, "/openapi.yaml")
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "application/yaml")
            #expect(answer.headers["cache-control"] == "no-cache")
            #expect(answer.body == PackageResources.openapi_yaml)
        }
    }
}
