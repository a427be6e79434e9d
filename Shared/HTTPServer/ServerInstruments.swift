import Crypto
import Telemetry

/// The metrics of one server.
struct ServerInstruments: Sendable {
    let connections: Gauge
    /// Those of them that are idle for so long that they have no task.
    let parked: Gauge
    let accepted: Counter
    let disconnects: Counter
    let dropped: Counter
    private let refusals: CounterFamily<String>
    private let handshakes: CounterFamily<String>
    /// Nil without TLS, which has no series then.
    private let fullHandshakes: Counter?
    private let resumedHandshakes: Counter?

    init(_ metrics: MetricsRegistry, server: String, hasTLS: Bool) {
        connections = metrics.gauge(
            "http_server_connections", help: "Open connections.", labels: ["server": server])
        parked = metrics.gauge(
            "http_server_parked_connections", help: "Open connections that wait without a task.",
            labels: ["server": server])
        accepted = metrics.counter(
            "http_server_connections_total", help: "Connections accepted.",
            labels: ["server": server])
        disconnects = metrics.counter(
            "http_server_client_gone_total",
            help: "Requests whose client left before the answer was written.",
            labels: ["server": server])
        dropped = metrics.counter(
            "http_server_dropped_fields_total",
            help: "Header fields dropped for an underscore in their name.",
            labels: ["server": server])
        refusals = CounterFamily(
            metrics, "http_server_refusals_total", help: "Requests refused before routing.",
            from: [Self.tooManyOfOnePeer]
        ) { ["server": server, "code": $0] }
        handshakes = CounterFamily(
            metrics, "http_server_tls_handshakes_total", help: "TLS handshakes by outcome.",
            from: hasTLS ? ["full", "resumed"] : []
        ) { ["server": server, "outcome": $0] }
        fullHandshakes = hasTLS ? handshakes["full"] : nil
        resumedHandshakes = hasTLS ? handshakes["resumed"] : nil
    }

    /// The end of a TLS handshake: `full`, `resumed`, or the code of its error.
    func shook(_ result: Result<TLSAgreement, TLSError>) {
        switch result {
        case .success(let agreement):
            (agreement.isResumed ? resumedHandshakes : fullHandshakes)?.increment()
        case .failure(let error): handshakes[error.code.rawValue].increment()
        }
    }

    func handshakeTooSlow() { handshakes["timeout"].increment() }

    /// The code of a connection closed because its peer has too many.
    static let tooManyOfOnePeer = "connections_per_peer"

    /// Requests the server refused before any handler saw them. Codes are words of the source.
    func refused(_ code: String) { refusals[code].increment() }
}
