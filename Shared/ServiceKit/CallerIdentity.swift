import Basics
import HTTP

/// Takes the customer that the gateway has put into `x-mercato-customer`.
enum CallerIdentity {
    static let header = "x-mercato-customer"

    /// An untrusted caller's header is removed, so that no later reader can believe it.
    static func middleware(isTrusted: Bool) -> Middleware {
        Middleware("caller") { request, next in
            request.context.customer = nil
            if isTrusted {
                // A malformed id is no identity: the service answers as to a caller without one.
                request.context.customer = request.headers[header].flatMap {
                    CustomerID($0)?.description
                }
            } else {
                request.headers.remove(header)
            }
            return try await next(request)
        }
    }
}
