import Telemetry

/// What a pool counts; the label `pool` is its name.
struct PoolMetrics: Sendable {
    /// From an idle connection at hand to a wait that runs into its limit, in seconds.
    static let waitBuckets = [
        0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
    ]

    let waiting: Gauge
    let waitSeconds: Histogram
    let timeouts: Counter
    let overloads: Counter
    let connectFailures: Counter
    private let idle: Gauge
    private let inUse: Gauge
    private let opening: Gauge

    init(_ registry: MetricsRegistry, pool: String, sizeMax: Int) {
        let labels = ["pool": pool]
        func connections(_ state: String) -> Gauge {
            registry.gauge(
                "postgres_pool_connections", help: "Connections of the pool by state.",
                labels: ["pool": pool, "state": state])
        }
        func refusals(_ reason: String) -> Counter {
            registry.counter(
                "postgres_pool_refusals_total",
                help: "Callers that got no connection: time-out, or too many wait already.",
                labels: ["pool": pool, "reason": reason])
        }
        idle = connections("idle")
        inUse = connections("in_use")
        opening = connections("opening")
        registry.gauge(
            "postgres_pool_connections_max", help: "The pool's size.", labels: labels
        ).set(Double(sizeMax))
        waiting = registry.gauge(
            "postgres_pool_waiters", help: "Callers waiting for a connection.", labels: labels)
        waitSeconds = registry.histogram(
            "postgres_pool_wait_seconds", help: "Time until a caller got a connection or gave up.",
            labels: labels, buckets: Self.waitBuckets)
        timeouts = refusals("timeout")
        overloads = refusals("overloaded")
        connectFailures = registry.counter(
            "postgres_pool_connect_failures_total", help: "Failed attempts to connect.",
            labels: labels)
    }

    func show(_ machine: PoolStateMachine) {
        let leased = machine.leased
        let unused = machine.unused
        idle.set(Double(unused))
        inUse.set(Double(leased))
        opening.set(Double(machine.slots.count - leased - unused))
        waiting.set(Double(machine.waiting))
    }
}
