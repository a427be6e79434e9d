package import Basics

/// Everything that was seen in one run; the verdict is computed from it and from nothing else.
package struct ChaosRecord: Sendable {
    package struct Check: Sendable {
        package let isClean: Bool
        /// The invariants that do not hold, with their first culprits.
        package let complaints: [String]

        package init(isClean: Bool, complaints: [String]) {
            self.isClean = isClean
            self.complaints = complaints
        }
    }

    package let scenario: ChaosScenario
    package let place: PlaceKind
    package let seed: UInt64
    /// When the first order was due; every other time counts from here.
    package private(set) var began: WallTime
    package var orders: [ChaosOrder] = []
    package var evidence = Evidence()
    /// What the runner did to the target, and did to take it back: `SIGKILL to process 4711`.
    package var injected = ""
    package var mended = ""
    package var faultBegan: Duration?
    package var faultEnded: Duration?
    /// When the target was back.
    package var restored: Duration?
    /// When nothing was under way any more.
    package var quiet: Duration?
    package var check: Check?
    /// Whatever kept the run from going as planned.
    package var troubles: [String] = []

    package init(scenario: ChaosScenario, place: PlaceKind, seed: UInt64, began: WallTime) {
        self.scenario = scenario
        self.place = place
        self.seed = seed
        self.began = began
    }

    /// The first order is due now: what went before was preparation.
    package mutating func restart(at time: WallTime) { began = time }

    /// From the fault's first moment until it was taken back.
    package var window: ClosedRange<Duration>? {
        guard let faultBegan, let faultEnded, faultBegan <= faultEnded else { return nil }
        return faultBegan...faultEnded
    }
}
