package import Basics

/// How long to wait before trying again: `base × multiplier^(attempt − 1)`, at most `cap`, and by
/// default a random part of that (D10, RT-rules).
///
/// Full jitter spreads callers that failed together evenly over the whole wait; without it they
/// come back together and fail together.
package struct Backoff: Sendable, Hashable {
    /// How a delay is spread.
    package enum Jitter: Sendable, Hashable {
        /// Evenly between zero and the delay.
        case full
        /// The delay itself: for tests and for a single caller.
        case none
    }

    /// Ceiling of the first delay.
    package let base: Duration
    /// Growth per attempt.
    package let multiplier: Double
    /// No delay is longer.
    package let cap: Duration
    /// How delays are spread.
    package let jitter: Jitter

    /// - Parameters:
    ///   - base: ceiling of the first delay; zero or more.
    ///   - multiplier: growth per attempt, at least 1.
    package init(
        base: Duration, multiplier: Double = 2, cap: Duration, jitter: Jitter = .full
    ) {
        precondition(base >= .zero && cap >= .zero && multiplier >= 1, "a delay cannot shrink")
        self.base = base
        self.multiplier = multiplier
        self.cap = cap
        self.jitter = jitter
    }

    /// The delay before jitter after the given failed attempt, counted from 1.
    package func ceiling(attempt: Int) -> Duration {
        var delay = min(base, cap)
        // Growing step by step stops at the cap, so no attempt number can overflow.
        var left = max(attempt, 1) - 1
        while left > 0 && delay < cap && delay > .zero && multiplier > 1 {
            delay = min(delay * multiplier, cap)
            left -= 1
        }
        return delay
    }

    /// The delay after the given failed attempt, counted from 1.
    package func delay(attempt: Int, random: RandomSource) -> Duration {
        let ceiling = ceiling(attempt: attempt)
        switch jitter {
        case .full: return random.duration(upTo: ceiling)
        case .none: return ceiling
        }
    }
}
