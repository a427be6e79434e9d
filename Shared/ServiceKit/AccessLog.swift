import Basics
import HTTP
import Synchronization
import Telemetry

/// One log line and two metrics per request.
///
/// The route is the pattern, never the path: a path holds ids, which would make one series per
/// order and put customers' data into the log.
struct AccessLog: Sendable {
    private let logger: Logger
    private let instruments: RequestInstruments

    init(_ context: ServiceContext) {
        logger = context.logger
        instruments = RequestInstruments(context.metrics)
    }

    func record(_ request: Request, status: Int, _ duration: Duration) {
        instruments.record(request, status: status, duration)
        Self.log(request, status, duration, logger)
    }

    /// Fault statuses are worth an operator's look; refusals of the caller's input are not.
    private static func log(
        _ request: Request, _ status: Int, _ duration: Duration, _ logger: Logger
    ) {
        let level: LogLevel = status >= 500 ? .warning : .info
        guard logger.writes(level) else { return }
        var fields: LogFields = [
            "method": .string(request.method.label),
            "route": .string(request.context.routePattern ?? "none"),
            "status": .init(status),
            "ms": .double(Double(duration.inMicroseconds) / 1_000),
            "request_id": .string(request.context.requestID),
        ]
        if let trace = request.context.traceID { fields["trace_id"] = .string(trace) }
        logger.log(level, "request", fields)
    }
}

/// The counters and histograms of requests, found without building label text each time.
final class RequestInstruments: Sendable {
    private struct Key: Hashable {
        let route: String
        let method: String
        let status: Int
    }

    private struct Pair {
        let total: Counter
        let duration: Histogram
    }

    private let metrics: MetricsRegistry
    /// Bounded by the route table, ten methods and the statuses we answer with.
    private let known = Mutex<[Key: Pair]>([:])

    init(_ metrics: MetricsRegistry) { self.metrics = metrics }

    func record(_ request: Request, status: Int, _ duration: Duration) {
        let key = Key(
            route: request.context.routePattern ?? "none", method: request.method.label,
            status: status)
        let pair = known.withLock { known in
            if let pair = known[key] { return pair }
            let pair = make(key)
            known[key] = pair
            return pair
        }
        pair.total.increment()
        pair.duration.observe(duration)
    }

    private func make(_ key: Key) -> Pair {
        Pair(
            total: metrics.counter(
                "http_server_requests_total", help: "Requests answered.",
                labels: ["route": key.route, "method": key.method, "status": String(key.status)]),
            duration: metrics.histogram(
                "http_server_request_duration_seconds",
                help: "Time from the request to its answer.",
                labels: ["route": key.route, "method": key.method]))
    }
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
