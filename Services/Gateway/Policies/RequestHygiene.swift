import Basics
import HTTP

/// What must not pass from one side of the gateway to the other (PX-1, PX-2).
enum RequestHygiene {
    /// Removes what the outside must not say, and clamps the time it asks for to the route's (TO-2).
    static func middleware(routeTimeout: Duration) -> Middleware {
        let routeMilliseconds = routeTimeout.inMilliseconds
        return Middleware("hygiene") { request, next in
            dropHopByHop(&request.headers)
            request.headers.removeAll(where: isSpoofable)
            if let asked = request.headers[timeoutHeader].flatMap({ Int64($0) }) {
                request.headers[timeoutHeader] = String(min(asked, routeMilliseconds))
            }
            return try await next(request)
        }
    }

    static let timeoutHeader = "x-request-timeout-ms"

    /// Fields of one connection (RFC 9110 §7.6.1), and those that `Connection` names; but it cannot
    /// name a field away that somebody behind us relies on (PX-1, CVE-2024-45410).
    static func dropHopByHop(_ headers: inout Headers) {
        let named = Set(headers.tokens("connection")).subtracting(protected)
        headers.removeAll { hopByHop.contains($0) || named.contains($0) }
    }

    /// Says, truthfully, where a request came from.
    static func addForwarded(_ headers: inout Headers, from request: Request, isTLS: Bool) {
        headers["x-forwarded-for"] = request.context.peer
        headers["x-forwarded-proto"] = isTLS ? "https" : "http"
        if let host = request.headers["host"] { headers["x-forwarded-host"] = host }
    }

    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "proxy-authenticate",
        "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
    ]

    private static let protected: Set<String> = [
        "host", "content-length", "content-type", "authorization", "idempotency-key",
        "traceparent", "tracestate", "x-request-id", timeoutHeader, "last-event-id",
    ]

    /// Names that only Mercato itself may set. Underscore spellings never get this far (H37).
    private static func isSpoofable(_ name: String) -> Bool {
        name == "forwarded" || name == "x-real-ip" || name.hasPrefix("x-forwarded-")
            || name.hasPrefix("x-mercato-") || name.hasPrefix("x-internal-")
    }
}
