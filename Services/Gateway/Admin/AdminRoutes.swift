import Basics
import HTTP
import HTTPClient
import ServiceKit
import Telemetry

/// The operators' door: one port through which every service's operations port is reached.
struct AdminRoutes: Sendable {
    /// The longest body an operator may send, in bytes.
    static let bodyLimit = 8 * 1024 * 1024
    private static let methods: [Method] = [.get, .post, .put, .patch, .delete]

    private let context: ServiceContext
    private let configuration: GatewayConfiguration
    private let client: Client

    init(_ context: ServiceContext, _ configuration: GatewayConfiguration) {
        self.context = context
        self.configuration = configuration
        var limits = ClientConfiguration()
        limits.connectTimeout = configuration.connectTimeout
        limits.requestTimeout = configuration.adminTimeout
        limits.bodyIdleTimeout = configuration.streamIdle
        client = Client(loop: context.loop, configuration: limits, logger: context.logger)
    }

    func add(to router: inout Router) {
        let status = SystemStatus(context: context, configuration: configuration, client: client)
        router.on(.get, "/admin/status") { _ in
            var response = Response.bytes(
                200, await status.report().bytes, type: "application/json")
            response.headers["cache-control"] = "no-store"
            return response
        }
        for method in Self.methods {
            router.on(method, "/admin/{service}/{rest...}", bodyLimit: Self.bodyLimit) { request in
                try await forward(request)
            }
        }
    }

    /// `/admin/order/audit` is `/internal/audit` on the order service's operations port. Audits are
    /// passed on line by line, never collected.
    private func forward(_ request: Request) async throws -> Response {
        guard let service = KnownService(path: try request.parameter("service")),
            let address = configuration.address(of: service)
        else { throw Problem.notFound("service_not_found", "There is no service of this name.") }
        let path = CanonicalPath.encode("/internal/" + (try request.parameter("rest")))
        let query = request.target.firstIndex(of: "?").map { request.target[$0...] } ?? ""
        var headers = request.headers
        RequestHygiene.dropHopByHop(&headers)
        do {
            let answer = try await client.send(
                ClientRequest(
                    method: request.method, url: address.operationsURL + path + query,
                    headers: headers, body: request.body))
            return try await Relay.response(answer, to: request.method)
        } catch {
            context.logger.warning(
                "an operator's request failed",
                ["upstream": .string(service.rawValue), "error": .init(describing: error)])
            guard error.code != .timeout else {
                throw Problem.gatewayTimeout(
                    "upstream_timeout", "The service \(service.rawValue) did not answer in time.")
            }
            throw Problem.unavailable(
                "upstream_unavailable", "The service \(service.rawValue) cannot be reached.")
        }
    }
}
