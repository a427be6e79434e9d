import Basics
import HTTP
import Telemetry

/// One log line and two metrics per request.
///
/// The route is the pattern, never the path: a path holds ids, which would make one series per
/// order and put customers' data into the log.
enum AccessLog {
    static func middleware(_ context: ServiceContext) -> Middleware {
        let (logger, metrics) = (context.logger, context.metrics)
        return Middleware("access-log") { request, next in
            let started = ContinuousClock.now
            // The router turns errors into responses at each layer, so this never throws.
            let response = try await next(request)
            record(request, response.status, started, logger, metrics)
            return response
        }
    }

    /// Fault statuses are worth an operator's look; refusals of the caller's input are not.
    private static func record(
        _ request: Request, _ status: Int, _ started: ContinuousClock.Instant, _ logger: Logger,
        _ metrics: MetricsRegistry
    ) {
        let duration = started.duration(to: .now)
        let method = request.method.label
        let route = request.context.routePattern ?? "none"
        metrics.counter(
            "http_server_requests_total", help: "Requests answered.",
            labels: ["route": route, "method": method, "status": String(status)]
        ).increment()
        metrics.histogram(
            "http_server_request_duration_seconds", help: "Time from the request to its answer.",
            labels: ["route": route, "method": method]
        ).observe(duration)
        var fields: LogFields = [
            "method": .string(method), "route": .string(route), "status": .init(status),
            "ms": .double(duration.inMilliseconds3),
            "request_id": .string(request.context.requestID),
        ]
        if let trace = request.context.traceID { fields["trace_id"] = .string(trace) }
        logger.log(status >= 500 ? .warning : .info, "request", fields)
    }
}

extension Duration {
    /// Milliseconds with three digits after the point.
    fileprivate var inMilliseconds3: Double { Double(inMicroseconds) / 1_000 }
}

extension Method {
    /// Unknown methods share one label: a caller must not be able to make series.
    fileprivate var label: String {
        switch self {
        case .other: "OTHER"
        default: text
        }
    }
}
