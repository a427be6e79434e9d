package import Basics

/// What other modules ask of every request. Each of their accesses to a property of the object is
/// checked at run time, also where the property says that it need not be; those of a method here are not.
extension Request {
    /// The first value of a header.
    package func header(_ name: String) -> String? { headers[name] }

    /// All values of a header.
    package func headerValues(_ name: String) -> [String] { headers.values(name) }

    /// By which requests are counted; the pattern is nil when no route matched.
    package var kind: (method: Method, routePattern: String?) { (method, context.routePattern) }

    /// UUID text, or empty before the request-id middleware ran.
    package var requestID: String { context.requestID }

    /// Notes the id by which logs and other services know the request.
    package func identify(_ requestID: String) { context.requestID = requestID }

    /// Notes this service's own position in the request's trace.
    package func setTrace(_ position: TracePosition, state: String?) {
        context.tracePosition = position
        context.tracestate = state
    }
}
