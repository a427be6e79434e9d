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
    let observer = RequestObserver(context)
    let observe = Middleware("observe") { request, next in
        let span = observer.begin(request)
        do {
            // Not by `Tracer.withSpan`, which comes to the same in three more calls. Without an
            // isolation, as the operation has none: else each of its ends asks where to go on.
            var response = try await Span.$current.withValue(
                span,
                operation: {
                    let started = MonotonicInstant.now
                    // The router turns errors into responses at each layer, so this never throws.
                    let response = try await next(request)
                    observer.log.record(
                        request, status: response.status, nanoseconds: started.nanoseconds(to: .now))
                    return response
                }, isolation: nil)
            observer.end(span, &response, of: request)
            return response
        } catch {
            span.end(failed: error)
            throw error
        }
    }
    return [observe]
}

/// A class, so that the layer holds one reference and a request copies nothing of it.
private final class RequestObserver: Sendable {
    private let identity: RequestIdentity
    private let tracing: RequestTracing
    let log: AccessLog

    init(_ context: ServiceContext) {
        identity = RequestIdentity(random: context.random)
        tracing = RequestTracing(context.tracer)
        log = AccessLog(context)
    }

    func begin(_ request: Request) -> Span {
        identity.identify(request)
        return tracing.begin(request)
    }

    func end(_ span: Span, _ response: inout Response, of request: Request) {
        tracing.end(span, status: response.status)
        response.headers[RequestIdentity.header] = request.requestID
    }
}
