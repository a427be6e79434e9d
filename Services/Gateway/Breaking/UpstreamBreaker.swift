import Basics
import HTTP
import Resilience
import Synchronization
import Telemetry

/// The circuit breaker of one upstream: the rules of `CircuitBreaker` with a clock, a log line and a
/// count per change (CB-1, CB-10). Callable from any thread.
final class UpstreamBreaker: Sendable {
    let upstream: String
    let settings: CircuitBreaker.Settings
    private let breaker: Mutex<CircuitBreaker>
    private let random: RandomSource
    private let logger: Logger
    private let metrics: MetricsRegistry
    private let refusals: Counter
    private let gauges: [CircuitBreaker.State: Gauge]

    init(
        _ upstream: String, _ settings: CircuitBreaker.Settings, mode: CircuitBreaker.Mode,
        logger: Logger, metrics: MetricsRegistry, random: RandomSource
    ) {
        self.upstream = upstream
        self.settings = settings
        self.logger = logger
        self.metrics = metrics
        self.random = random
        breaker = Mutex(CircuitBreaker(settings, now: .now, mode: mode))
        refusals = metrics.counter(
            "gateway_breaker_refusals_total", help: "Requests refused by an open circuit breaker.",
            labels: ["upstream": upstream])
        var gauges: [CircuitBreaker.State: Gauge] = [:]
        for state in CircuitBreaker.State.allCases {
            gauges[state] = metrics.gauge(
                "gateway_breaker_state", help: "1 for the state the circuit breaker is in.",
                labels: ["upstream": upstream, "state": state.rawValue])
        }
        self.gauges = gauges
        // Read when somebody looks: time alone may have changed it.
        metrics.beforeRender { [weak self] in self?.render() }
        announce(breaker.withLock { $0.takeChanges() })
    }

    /// The right to make one call, whose end must be told to `finish` once (CB-6).
    ///
    /// - Throws: 503 `circuit_open` without any call, with the time after which one may be made.
    func admit() throws(Problem) -> CircuitBreaker.Permit {
        let (admission, changes) = breaker.withLock { breaker in
            let admission = breaker.admit(now: .now, random: random)
            return (admission, breaker.takeChanges())
        }
        announce(changes)
        switch admission {
        case .permit(let permit): return permit
        case .refused(let wait):
            refusals.increment()
            throw Problem.unavailable(
                "circuit_open", "The service \(upstream) failed too often and is left alone for a while.",
                retryAfterSeconds: Int(clamping: RateLimitHeaders.seconds(wait)))
        }
    }

    func finish(_ permit: CircuitBreaker.Permit, _ outcome: CircuitBreaker.Outcome) {
        announce(
            breaker.withLock { breaker in
                breaker.finish(permit, outcome, now: .now, random: random)
                return breaker.takeChanges()
            })
    }

    /// An operator's wish.
    func set(_ mode: CircuitBreaker.Mode) {
        announce(
            breaker.withLock { breaker in
                breaker.set(mode, reason: "an operator asked for \(mode.rawValue)", now: .now)
                return breaker.takeChanges()
            })
    }

    /// One log line and one count per change; called without the lock.
    private func announce(_ changes: [CircuitBreaker.Transition]) {
        for change in changes {
            let fields: LogFields = [
                "upstream": .string(upstream), "from": .string(change.from.rawValue),
                "to": .string(change.to.rawValue), "reason": .string(change.reason),
            ]
            let isBad = change.to == .open || change.to == .forcedOpen
            logger.log(isBad ? .warning : .notice, "the circuit breaker changed", fields)
            metrics.counter(
                "gateway_breaker_transitions_total", help: "Changes of a circuit breaker's state.",
                labels: [
                    "upstream": upstream, "from": change.from.rawValue, "to": change.to.rawValue,
                ]
            ).increment()
        }
    }

    private func render() {
        let state = look().state
        for (each, gauge) in gauges { gauge.set(each == state ? 1 : 0) }
    }

    /// A copy at this moment, after what time alone has changed.
    func look() -> CircuitBreaker {
        let (copy, changes) = breaker.withLock { breaker in
            breaker.advance(now: .now, random: random)
            let changes = breaker.takeChanges()
            return (breaker, changes)
        }
        announce(changes)
        return copy
    }
}
