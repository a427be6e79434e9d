import Basics
import HTTPClient
import ServiceKit
import Telemetry

/// The clients for the services: calls and streams do not share connections.
struct Upstreams: Sendable {
    /// Event streams open at once to one service.
    static let streamsMax = 1_024
    /// Calls under way at once to one service; more wait for a moment, then 503.
    static let callsMax = 128

    private let context: ServiceContext
    private let configuration: GatewayConfiguration
    private let policies: GatewayPolicies
    private let calls: Client
    private let streams: Client

    init(
        _ context: ServiceContext, _ configuration: GatewayConfiguration, _ policies: GatewayPolicies
    ) {
        self.context = context
        self.configuration = configuration
        self.policies = policies
        func client(_ name: String, _ connectionsMax: Int) -> Client {
            var limits = ClientConfiguration()
            limits.connectTimeout = configuration.connectTimeout
            limits.requestTimeout = configuration.routeTimeout
            limits.bodyIdleTimeout = configuration.streamIdle
            limits.maxConnectionsPerOrigin = connectionsMax
            return Client(
                loop: context.loop, configuration: limits, logger: context.logger,
                metrics: ClientMetrics(context.metrics, client: name), tracer: context.tracer)
        }
        calls = client("calls", Self.callsMax)
        streams = client("streams", Self.streamsMax)
    }

    func forwarder(for route: PublicRoute) -> Forwarder {
        let name = route.upstream.rawValue
        let url = configuration.address(of: route.upstream)?.url ?? ""
        return Forwarder(
            upstream: UpstreamClient(
                name: name, client: route.kind == .stream ? streams : calls, baseURL: url),
            breaker: policies.breaker(of: route.upstream),
            routeTimeout: configuration.routeTimeout,
            instruments: UpstreamInstruments(upstream: name, context.metrics),
            isTLS: configuration.tls != nil)
    }
}

/// What the gateway measures about one upstream.
struct UpstreamInstruments: Sendable {
    private let requests: CounterFamily<String>
    private let duration: Histogram

    init(upstream: String, _ metrics: MetricsRegistry) {
        requests = CounterFamily(
            metrics, "gateway_upstream_requests_total", help: "Requests sent to an upstream.",
            from: ["2xx", "5xx"]
        ) { ["upstream": upstream, "outcome": $0] }
        duration = metrics.histogram(
            "gateway_upstream_duration_seconds", help: "Time to the head of an upstream's answer.",
            labels: ["upstream": upstream])
    }

    /// `outcome` is a status class such as `2xx`, or a client error's code.
    func record(outcome: String, since start: MonotonicInstant) {
        duration.observe(start.duration(to: .now))
        requests[outcome].increment()
    }
}
