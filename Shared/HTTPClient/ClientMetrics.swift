package import Telemetry
import Synchronization

/// What a client measures about each place it talks to. The label `upstream` is the name given with
/// `name(_:as:)`, else host and port; a client has at most `ClientConfiguration.maxOrigins` of them.
package final class ClientMetrics: Sendable {
    private struct State {
        var names: [Origin: String] = [:]
        var origins: [Origin: OriginMetrics] = [:]
    }

    private let registry: MetricsRegistry
    private let client: String
    private let state = Mutex(State())

    /// `client` tells the clients of one process apart, for example `calls` and `streams`.
    package init(_ registry: MetricsRegistry, client: String = "calls") {
        self.registry = registry
        self.client = client
    }

    /// Names the service at this address; its series exist from now on. An address that cannot be
    /// read is left alone: the first request to it says so.
    package func name(_ baseURL: String, as upstream: String) {
        guard let url = try? ClientURL(baseURL) else { return }  // Ignored: see above.
        state.withLock { $0.names[url.origin] = upstream }
        _ = origin(url.origin)
    }

    func origin(_ origin: Origin) -> OriginMetrics {
        state.withLock { state in
            if let known = state.origins[origin] { return known }
            let made = OriginMetrics(
                registry, client: client, upstream: state.names[origin] ?? origin.description)
            state.origins[origin] = made
            return made
        }
    }
}

/// The instruments of one origin.
final class OriginMetrics: Sendable {
    /// How a request ended: with an answer's head, or without.
    enum Outcome: Hashable, Sendable {
        case answered(hundreds: Int)
        case failed(ClientError.Code)

        var label: String {
            switch self {
            case .answered(let hundreds): "\(hundreds)xx"
            case .failed(let code): code.rawValue
            }
        }
    }

    private let outcomes: CounterFamily<Outcome>
    private let duration: Histogram
    private let active: Gauge
    private let idle: Gauge

    init(_ registry: MetricsRegistry, client: String, upstream: String) {
        let labels = ["client": client, "upstream": upstream]
        outcomes = CounterFamily(
            registry, "http_client_requests_total",
            help: "Requests sent to another service, by status class or error.",
            from: [
                .answered(hundreds: 2), .answered(hundreds: 5), .failed(.connectFailed),
                .failed(.timeout), .failed(.reset), .failed(.poolExhausted),
            ]
        ) { labels.merging(["outcome": $0.label]) { $1 } }
        duration = registry.histogram(
            "http_client_request_duration_seconds",
            help: "Time to the head of another service's answer, or to the failure.",
            labels: labels)
        func connections(_ state: String) -> Gauge {
            registry.gauge(
                "http_client_connections", help: "Connections to another service.",
                labels: labels.merging(["state": state]) { $1 })
        }
        active = connections("active")
        idle = connections("idle")
    }

    func ended(_ outcome: Outcome, after time: Duration) {
        outcomes[outcome].increment()
        duration.observe(time)
    }

    /// What has changed.
    func connections(active: Int, idle: Int) {
        if active != 0 { self.active.add(Double(active)) }
        if idle != 0 { self.idle.add(Double(idle)) }
    }
}
