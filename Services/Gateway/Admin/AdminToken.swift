import Basics
import HTTP

/// Guards the admin port: open on loopback to those who ask by a loopback name; elsewhere a bearer
/// token, and closed without one.
///
/// Everything is guarded but three routes, and it is the route found that counts, not the text of
/// the path: what nobody thought of is closed.
struct AdminToken: Sendable {
    private static let openRoutes: Set<String> = ["/livez", "/readyz", "/metrics"]
    private let isLoopback: Bool
    private let token: Secret<String>?

    init(_ configuration: GatewayConfiguration) {
        isLoopback = configuration.isLoopback
        token = configuration.adminToken
    }

    var middleware: Middleware {
        Middleware("admin-token") { request, next in
            if let route = request.context.routePattern, Self.openRoutes.contains(route) {
                return try await next(request)
            }
            guard !isLoopback else {
                try check(host: request.headers["host"])
                try check(origin: request.headers["origin"])
                return try await next(request)
            }
            try check(request.headers["authorization"])
            // Other services have other tokens, or none: this one stays here.
            request.headers.remove("authorization")
            return try await next(request)
        }
    }

    /// A page from elsewhere whose name was made to resolve to 127.0.0.1 (DNS rebinding) reaches this
    /// port from the operator's browser; its requests still carry that name. Browsers always send
    /// `Host`; HTTP/1.1 without one never gets here.
    private func check(host: String?) throws(Problem) {
        guard let host, !LoopbackName.isLoopback(host) else { return }
        throw Problem(
            status: 403, code: "host_not_allowed",
            detail: "On loopback the admin routes answer to localhost, 127.0.0.1 and [::1] only.")
    }

    /// A page from elsewhere may also post to 127.0.0.1 by its true name, without reading the answer:
    /// that would be enough to open a breaker. Browsers say where such a request comes from.
    private func check(origin: String?) throws(Problem) {
        guard let origin else { return }
        let scheme = ["http://", "https://"].first { origin.hasPrefix($0) }
        if let scheme, LoopbackName.isLoopback(String(origin.dropFirst(scheme.count))) { return }
        throw Problem(
            status: 403, code: "origin_not_allowed",
            detail: "On loopback the admin routes answer to pages of localhost, 127.0.0.1 and [::1] only.")
    }

    private func check(_ authorization: String?) throws(Problem) {
        guard let token else {
            throw Problem(
                status: 403, code: "admin_closed",
                detail: "Off loopback the admin routes need MERCATO_ADMIN_TOKEN_FILE.")
        }
        let parts = (authorization ?? "").split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].equalsIgnoringCase("Bearer"),
            Self.areEqual(Array(parts[1].utf8), Array(token.reveal().utf8))
        else { throw .unauthorized("The admin routes need the operator's bearer token.") }
    }

    /// Looks at every byte, so that the time tells nothing about a wrong token's beginning.
    private static func areEqual(_ given: [UInt8], _ expected: [UInt8]) -> Bool {
        var difference = given.count ^ expected.count
        for index in expected.indices {
            difference |= Int((index < given.count ? given[index] : 0) ^ expected[index])
        }
        return difference == 0
    }
}
