import Basics
import HTTP

/// Guards `/admin/*`: open on loopback; elsewhere a bearer token, and closed without one.
struct AdminToken: Sendable {
    private let isLoopback: Bool
    private let token: Secret<String>?

    init(_ configuration: GatewayConfiguration) {
        isLoopback = configuration.isLoopback
        token = configuration.adminToken
    }

    var middleware: Middleware {
        Middleware("admin-token") { request, next in
            guard request.path == "/admin" || request.path.hasPrefix("/admin/"), !isLoopback else {
                return try await next(request)
            }
            try check(request.headers["authorization"])
            var request = request
            // Other services have other tokens, or none: this one stays here.
            request.headers.remove("authorization")
            return try await next(request)
        }
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
