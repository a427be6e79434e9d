import Basics
package import HTTP
import HTTPServer
import Sockets
import Telemetry

/// What every service does around every request, outermost first: request id, trace, access log
/// with metrics, caller, deadline.
///
/// - Parameters:
///   - trustsCaller: true behind the gateway, whose `x-mercato-customer` is believed; the gateway
///     itself passes false and sets the customer by its own rules.
///   - defaultTimeout: the deadline of a request that brings none (TO-1).
package func standardMiddleware(
    _ context: ServiceContext, trustsCaller: Bool = true, defaultTimeout: Duration = .seconds(5)
) -> [Middleware] {
    observingMiddleware(context) + [
        CallerIdentity.middleware(isTrusted: trustsCaller),
        RequestDeadline.middleware(loop: context.loop, fallback: defaultTimeout),
    ]
}

/// The outer part of it, for programs without callers and deadlines: request id, trace, access log
/// with metrics. Three concerns and one layer: each layer is two more asynchronous calls for every
/// request, and these three do nothing that waits.
package func observingMiddleware(_ context: ServiceContext) -> [Middleware] {
    let identity = RequestIdentity(random: context.random)
    let tracing = RequestTracing(context.tracer)
    let log = AccessLog(context)
    let observe = Middleware("observe") { request, next in
        identity.identify(request)
        let span = tracing.begin(request)
        do {
            // Not by `Tracer.withSpan`, which comes to the same in three more calls.
            var response = try await Span.$current.withValue(span) {
                let started = MonotonicInstant.now
                // The router turns errors into responses at each layer, so this never throws.
                let response = try await next(request)
                log.record(request, status: response.status, started.duration(to: .now))
                return response
            }
            tracing.end(span, status: response.status)
            response.headers[RequestIdentity.header] = request.context.requestID
            return response
        } catch {
            span.end(failed: error)
            throw error
        }
    }
    return [observe]
}
