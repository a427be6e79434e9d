import Basics
import Telemetry

/// What a client counts.
struct RedisMetrics: Sendable {
    /// How a command ended.
    enum Outcome: Hashable, Sendable {
        case answered
        case failed(RedisError.Code)

        var label: String {
            switch self {
            case .answered: "answered"
            case .failed(.notConnected), .failed(.connect): "not_connected"
            case .failed(.breakerOpen): "breaker_open"
            case .failed(.timeout): "timeout"
            case .failed(.connectionLost): "connection_lost"
            case .failed(.limitReached): "limit_reached"
            case .failed(.refused): "refused"
            }
        }
    }

    /// In seconds; the command limit lies far below the last one.
    static let buckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5]

    let hits: Counter
    let misses: Counter
    let failures: Counter
    let connected: Gauge
    private let commands: CounterFamily<Outcome>
    private let duration: Histogram

    init(_ registry: MetricsRegistry) {
        hits = registry.counter("redis_hits_total", help: "Values found by get.")
        misses = registry.counter("redis_misses_total", help: "Values not found by get.")
        failures = registry.counter(
            "redis_failures_total", help: "Commands without an answer, those not sent among them.")
        connected = registry.gauge("redis_connected", help: "1 while connected.")
        commands = CounterFamily(
            registry, "redis_commands_total", help: "Commands by what became of them.",
            from: [
                .answered, .failed(.notConnected), .failed(.breakerOpen), .failed(.timeout),
                .failed(.connectionLost), .failed(.limitReached), .failed(.refused),
            ]
        ) { ["outcome": $0.label] }
        duration = registry.histogram(
            "redis_command_duration_seconds", help: "Time to the answer of a command.",
            buckets: Self.buckets)
    }

    func ended(_ outcome: Outcome, since start: MonotonicInstant) {
        commands[outcome].increment()
        switch outcome {
        case .answered, .failed(.refused): duration.observe(start.duration(to: .now))
        case .failed: failures.increment()
        }
    }
}
