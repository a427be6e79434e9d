import Basics
import HTTP

/// Who is asking. Services believe only what this policy puts into the request's context; whatever
/// the outside claimed was removed before (PX-2, JW-3).
struct Identity: Sendable {
    /// `MERCATO_DEMO_IDENTITY=on`: `Authorization: Bearer demo-<customer uuid>` is believed.
    let isDemo: Bool

    private static let demoPrefix = "demo-"

    var middleware: Middleware {
        Middleware("identity") { request, next in
            request.context.customer = customer(of: request.headers["authorization"])
            if request.context.customer == nil, needsCustomer(request.context.routePattern) {
                throw Problem.unauthorized("This resource needs a customer's bearer token.")
            }
            // The token was for this gateway alone.
            request.headers.remove("authorization")
            return try await next(request)
        }
    }

    /// The customer id in canonical text, nil for no or no valid token.
    func customer(of authorization: String?) -> String? {
        guard isDemo, let authorization else { return nil }
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].equalsIgnoringCase("Bearer"),
            parts[1].hasPrefix(Self.demoPrefix)
        else { return nil }
        return CustomerID(String(parts[1].dropFirst(Self.demoPrefix.count)))?.description
    }

    /// Unknown paths need none: they are 404 for everybody.
    private func needsCustomer(_ pattern: String?) -> Bool {
        pattern.map(PublicRoute.customerPatterns.contains) ?? false
    }
}
