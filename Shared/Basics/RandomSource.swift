import Synchronization

/// Where randomness comes from: the system, or a seed that a test prints and can replay.
package final class RandomSource: Sendable {
    /// The generator's state, which only counts: a number is drawn from it in one step, whoever else
    /// draws.
    private let state: Atomic<UInt64>
    /// The kernel decides instead.
    private let isSystem: Bool

    private init(seed: UInt64?) {
        state = Atomic(seed ?? 0)
        isSystem = seed == nil
    }

    /// The kernel's generator.
    package static let system = RandomSource(seed: nil)

    /// SplitMix64 from a seed: the same seed gives the same sequence on every machine.
    package static func seeded(_ seed: UInt64) -> RandomSource { RandomSource(seed: seed) }

    package func next() -> UInt64 {
        guard !isSystem else { return UInt64.random(in: .min ... .max) }
        var mixed = state.wrappingAdd(0x9e37_79b9_7f4a_7c15, ordering: .relaxed).newValue
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    /// Evenly spread in [0, 1).
    package func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Evenly spread in [0, limit): the "full jitter" of D10.
    package func duration(upTo limit: Duration) -> Duration { limit * fraction() }
}
