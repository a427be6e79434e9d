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
/// with metrics.
package func observingMiddleware(_ context: ServiceContext) -> [Middleware] {
    [
        RequestIdentity.middleware(random: context.random),
        TraceMiddleware.middleware(context.tracer),
        AccessLog.middleware(context),
    ]
}
