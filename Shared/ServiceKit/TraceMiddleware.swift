import Basics
package import HTTP
package import Telemetry

/// Continues the caller's trace, or begins one (TC-1). The request's context then holds this
/// service's own position; calls to other services make children of it.
enum TraceMiddleware {
    static func middleware(random: RandomSource) -> Middleware {
        Middleware("trace") { request, next in
            var request = request
            let caller = TraceContext(
                traceparents: request.headers.values("traceparent"),
                tracestates: request.headers.values("tracestate"))
            let own = caller?.child(using: random) ?? .root(using: random)
            request.context.traceparent = own.traceparent
            request.context.tracestate = own.tracestate
            return try await next(request)
        }
    }
}

extension RequestContext {
    /// The request's position in its trace; nil before the trace middleware.
    package var trace: TraceContext? {
        TraceContext(traceparent: traceparent, tracestate: tracestate)
    }
}
