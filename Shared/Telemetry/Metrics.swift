import Synchronization

/// A number that only grows, for example requests served.
package final class Counter: Sendable {
    private let total = Atomic<Int64>(0)

    /// A counter outside any registry.
    package init() {}

    /// Adds a non-negative amount; a negative one is ignored, as a counter never falls.
    package func increment(by amount: Int64 = 1) {
        guard amount > 0 else { return }
        total.wrappingAdd(amount, ordering: .relaxed)
    }

    /// The sum so far.
    package var value: Int64 { total.load(ordering: .relaxed) }
}

/// A number that rises and falls, for example open connections.
package final class Gauge: Sendable {
    private let bits = Atomic<UInt64>(0)

    /// A gauge outside any registry.
    package init() {}

    /// Replaces the value.
    package func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    /// Adds a positive or negative amount, atomically.
    package func add(_ amount: Double) {
        var seen = bits.load(ordering: .relaxed)
        while true {
            let wanted = (Double(bitPattern: seen) + amount).bitPattern
            let outcome = bits.weakCompareExchange(
                expected: seen, desired: wanted, ordering: .relaxed)
            if outcome.exchanged { return }
            seen = outcome.original
        }
    }

    /// The present value.
    package var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
}
