package import Basics

/// How long to wait for an answer, how to ask again, and when to stop hoping (D10).
///
/// The first wait is the attempt time-out itself: asking again earlier would only make duplicates.
/// Later waits add a jittered, exponentially growing part up to the cap.
package struct StepPolicy: Sendable, Equatable {
    /// Wait for the first answer.
    package var attempt: Duration
    /// Longest wait between two sends.
    package var cap: Duration
    /// Total time for the step before the saga turns back or is parked.
    package var budget: Duration
    /// Wait between sends once the budget is over and the step must go on (Capture, Void, Release).
    package var afterBudget: Duration

    package init(
        attempt: Duration, cap: Duration, budget: Duration, afterBudget: Duration = .seconds(300)
    ) {
        self.attempt = attempt
        self.cap = cap
        self.budget = budget
        self.afterBudget = afterBudget
    }

    /// The wait after the `sends`-th send (1-based).
    package func wait(afterSend sends: Int, overBudget: Bool = false, random: RandomSource)
        -> Duration
    {
        if overBudget { return afterBudget }
        let doublings = min(max(0, sends - 1), 20)
        let ceiling = min(cap, attempt * (1 << doublings))
        return attempt + random.duration(upTo: max(.zero, ceiling - attempt))
    }
}
