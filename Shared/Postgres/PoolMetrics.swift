import Telemetry

/// What a pool counts; one label, the pool's name.
struct PoolMetrics: Sendable {
    let inUse: Gauge
    let open: Gauge
    let waiting: Gauge
    let waitSeconds: Histogram
    let refusals: Counter
    let connectFailures: Counter

    init(_ registry: MetricsRegistry, pool: String) {
        let labels = ["pool": pool]
        inUse = registry.gauge(
            "mercato_postgres_connections_in_use", help: "Connections lent to callers.",
            labels: labels)
        open = registry.gauge(
            "mercato_postgres_connections", help: "Connections open or being opened.",
            labels: labels)
        waiting = registry.gauge(
            "mercato_postgres_waiters", help: "Callers waiting for a connection.", labels: labels)
        waitSeconds = registry.histogram(
            "mercato_postgres_acquire_seconds", help: "Time until a caller got a connection.",
            labels: labels)
        refusals = registry.counter(
            "mercato_postgres_refusals_total",
            help: "Callers that got no connection: timeout or queue full.", labels: labels)
        connectFailures = registry.counter(
            "mercato_postgres_connect_failures_total", help: "Failed attempts to connect.",
            labels: labels)
    }
}
