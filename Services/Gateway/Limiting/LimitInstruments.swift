import Synchronization
import Telemetry

/// Counts what the policies decide.
final class LimitInstruments: Sendable {
    private struct Key: Hashable {
        let policy: String
        let store: String
        let decision: String
    }

    private let metrics: MetricsRegistry
    /// Bounded by the policies of the file, four stores and three decisions.
    private let known = Mutex<[Key: Counter]>([:])

    init(_ metrics: MetricsRegistry) { self.metrics = metrics }

    /// `store` is memory, redis, local_share (Redis is away) or none (away, and no limit or no
    /// request then); `decision` is admitted, refused or would_refuse.
    func count(_ policy: LimitPolicy, store: String, _ decision: String) {
        counter(Key(policy: policy.id, store: store, decision: decision)).increment()
    }

    /// What was counted for one policy, by decision.
    func decisions(of policy: String) -> [String: Int64] {
        known.withLock { known in
            known.filter { $0.key.policy == policy }.reduce(into: [:]) {
                $0[$1.key.decision, default: 0] += $1.value.value
            }
        }
    }

    private func counter(_ key: Key) -> Counter {
        known.withLock { known in
            if let counter = known[key] { return counter }
            let counter = metrics.counter(
                "gateway_rate_limit_decisions_total", help: "Decisions of the rate limits.",
                labels: ["policy": key.policy, "store": key.store, "decision": key.decision])
            known[key] = counter
            return counter
        }
    }
}
