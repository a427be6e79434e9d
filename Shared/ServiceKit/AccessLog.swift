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

    func record(_ request: Request, status: Int, nanoseconds: Int64) {
        let (method, pattern) = request.kind
        instruments.record(pattern ?? "none", method, status: status, nanoseconds: nanoseconds)
        Self.log(request, status, nanoseconds, logger)
    }

    /// Fault statuses are worth an operator's look; refusals of the caller's input are not.
    private static func log(
        _ request: Request, _ status: Int, _ nanoseconds: Int64, _ logger: Logger
    ) {
        let level: LogLevel = status >= 500 ? .warning : .info
        guard logger.writes(level) else { return }
        var fields: LogFields = [
            "method": .string(request.method.label),
            "route": .string(request.context.routePattern ?? "none"),
            "status": .init(status),
            "ms": .double(Double(nanoseconds / 1_000) / 1_000),
            "request_id": .string(request.context.requestID),
        ]
        if let trace = request.context.traceID { fields["trace_id"] = .string(trace) }
        logger.log(level, "request", fields)
    }
}

/// The counters and histograms of requests, found without building label text each time.
final class RequestInstruments: Sendable {
    private struct Series {
        let route: String
        let method: Method
        let status: Int
        let total: Counter
        let duration: Histogram
    }

    private static let slots = 64

    private let metrics: MetricsRegistry
    /// Bounded by the route table, ten methods and the statuses we answer with. A table of slots, since a
    /// dictionary would read a route's text to its end for each request: here its length chooses the slot,
    /// and a comparison of text ends at once, because all requests of a route share one.
    private let known = Mutex<[[Series]]>(Array(repeating: [], count: slots))

    init(_ metrics: MetricsRegistry) { self.metrics = metrics }

    func record(_ route: String, _ method: Method, status: Int, nanoseconds: Int64) {
        // Methods that callers make up share one series.
        var method = method
        if case .other = method { method = .other("OTHER") }
        let slot = (route.utf8.count &+ status) & (Self.slots - 1)
        let (total, duration) = known.withLock { known in
            for index in known[slot].indices {
                guard known[slot][index].status == status, known[slot][index].method == method,
                    known[slot][index].route == route
                else { continue }
                return (known[slot][index].total, known[slot][index].duration)
            }
            let made = make(route, method, status)
            known[slot].append(made)
            return (made.total, made.duration)
        }
        total.increment()
        duration.observe(nanoseconds: nanoseconds)
    }

    private func make(_ route: String, _ method: Method, _ status: Int) -> Series {
        Series(
            route: route, method: method, status: status,
            total: metrics.counter(
                "http_server_requests_total", help: "Requests answered.",
                labels: ["route": route, "method": method.label, "status": String(status)]),
            duration: metrics.histogram(
                "http_server_request_duration_seconds",
                help: "Time from the request to its answer.",
                labels: ["route": route, "method": method.label]))
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
