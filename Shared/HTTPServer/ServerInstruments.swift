import Telemetry

/// The metrics of one server.
struct ServerInstruments: Sendable {
    let connections: Gauge
    let accepted: Counter
    let disconnects: Counter
    private let metrics: MetricsRegistry
    private let server: String

    init(_ metrics: MetricsRegistry, server: String) {
        self.metrics = metrics
        self.server = server
        connections = metrics.gauge(
            "http_server_connections", help: "Open connections.", labels: ["server": server])
        accepted = metrics.counter(
            "http_server_connections_total", help: "Connections accepted.",
            labels: ["server": server])
        disconnects = metrics.counter(
            "http_server_client_gone_total",
            help: "Requests whose client left before the answer was written.",
            labels: ["server": server])
    }

    /// Requests the server refused before any handler saw them.
    func refused(_ code: String) {
        metrics.counter(
            "http_server_refusals_total", help: "Requests refused before routing.",
            labels: ["server": server, "code": code]
        ).increment()
    }
}
