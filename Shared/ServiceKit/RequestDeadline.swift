import Basics
import HTTP
import Sockets

/// Ends a request at its deadline (TO-2). The header carries the milliseconds that are left, so no
/// two clocks need to agree.
enum RequestDeadline {
    static let header = "x-request-timeout-ms"
    /// A caller cannot ask for more than this.
    static let limitMax: Duration = .seconds(60)

    static func middleware(loop: EventLoop, fallback: Duration) -> Middleware {
        Middleware("deadline") { request, next in
            guard let limit = limit(of: request.headers[header], fallback: fallback) else {
                throw Problem.badRequest(
                    "invalid_field", "The header \(header) must be a whole number of milliseconds.")
            }
            guard limit > .zero else { throw Problem.deadlineExceeded }
            request.context.deadline = .after(limit)
            // The limit covers the work up to the response's head. A stream that begins afterwards
            // is bounded by the server's idle time-outs only.
            do {
                let response = try await loop.withTimeout(limit) { try await next(request) }
                // A handler that was cut off may end in an error that looks like a fault of ours.
                let isCutOff = response.status == 499 || response.status == 500
                if isCutOff, request.context.deadline?.isPast == true {
                    throw Problem.deadlineExceeded
                }
                return response
            } catch is TimeoutError {
                throw Problem.deadlineExceeded
            }
        }
    }

    /// Nil for a value that is no number.
    static func limit(of text: String?, fallback: Duration) -> Duration? {
        guard let text else { return fallback }
        guard let milliseconds = Int64(text), text.utf8.count <= 18 else { return nil }
        return min(.milliseconds(milliseconds), limitMax)
    }
}
