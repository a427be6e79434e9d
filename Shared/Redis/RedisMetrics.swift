import Telemetry

/// What a client counts.
struct RedisMetrics: Sendable {
    let hits: Counter
    let misses: Counter
    let failures: Counter
    let connected: Gauge

    init(_ registry: MetricsRegistry) {
        hits = registry.counter("mercato_redis_hits_total", help: "Values found by get.")
        misses = registry.counter("mercato_redis_misses_total", help: "Values not found by get.")
        failures = registry.counter(
            "mercato_redis_failures_total",
            help: "Commands without an answer, those not sent among them.")
        connected = registry.gauge("mercato_redis_connected", help: "1 while connected.")
    }
}
