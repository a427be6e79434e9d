/// The size of a token bucket: `burst` tokens at most, `refill` of them back per `period` (RL-1).
package struct TokenBucketLimit: Sendable, Hashable {
    /// B: the most tokens there can be.
    package let burst: Int
    /// R: tokens that come back per period.
    package let refill: Int
    /// P.
    package let period: Duration
    /// T = P/R, the time of one token, in attoseconds: whole, so nothing drifts.
    let step: Int128

    /// The largest burst and refill.
    package static let countMax = 1_000_000
    /// The longest period.
    package static let periodMax: Duration = .seconds(86_400)

    /// Nil when a part is not positive or over its limit (RL-1).
    package init?(burst: Int, refill: Int, period: Duration) {
        guard (1...Self.countMax).contains(burst), (1...Self.countMax).contains(refill),
            period >= .milliseconds(1), period <= Self.periodMax
        else { return nil }
        self.burst = burst
        self.refill = refill
        self.period = period
        step = period.attoseconds / Int128(refill)
    }

    /// The time from empty to full: what `RateLimit-Policy` calls the window.
    package var window: Duration { Duration(attoseconds: step * Int128(burst)) }

    /// What one of `count` equal gateways may admit on its own (RL-9): B/N and R/N, but never less
    /// than one call of cost `costMax`.
    package func share(of count: Int, costMax: Int) -> TokenBucketLimit {
        let count = max(1, count)
        return TokenBucketLimit(
            burst: max(burst / count, costMax), refill: refill, period: period,
            step: step * Int128(count))
    }

    private init(burst: Int, refill: Int, period: Duration, step: Int128) {
        self.burst = burst
        self.refill = refill
        self.period = period
        self.step = step
    }
}

/// What a bucket said to one request.
package struct TokenBucketDecision: Sendable, Equatable {
    package let isAdmitted: Bool
    /// Whole tokens left after it.
    package let remaining: Int
    /// Until the same request would be admitted; zero when it was.
    package let wait: Duration
    /// Until the bucket is full if nothing else comes.
    package let untilFull: Duration

    package init(isAdmitted: Bool, remaining: Int, wait: Duration, untilFull: Duration) {
        self.isAdmitted = isAdmitted
        self.remaining = remaining
        self.wait = wait
        self.untilFull = untilFull
    }
}

/// A token bucket as one instant (GCRA, RL-2): the time at which it will be full again. A new one is
/// full. Pure; the time comes in.
package struct TokenBucket: Sendable, Hashable {
    /// Of the monotonic clock, or of a test's. In attoseconds, not in the nanoseconds of `MonotonicInstant`:
    /// the time of a token is seldom a whole number of them, and what is cut off would be given away.
    package typealias Instant = ContinuousClock.Instant

    /// The "theoretical arrival time" of GCRA: the bucket is full from then on.
    package private(set) var fullAt: Instant

    /// A full bucket.
    package init(now: Instant) { fullAt = now }

    /// What a request of `cost` tokens would be told, without taking any.
    package func peek(
        cost: Int, _ limit: TokenBucketLimit, now: Instant
    ) -> TokenBucketDecision {
        let debt = max(0, now.duration(to: fullAt).attoseconds)
        let capacity = limit.step * Int128(limit.burst)
        let wanted = debt + limit.step * Int128(cost)
        let isAdmitted = wanted <= capacity
        let owed = isAdmitted ? wanted : debt
        return TokenBucketDecision(
            isAdmitted: isAdmitted, remaining: Int(clamping: max(0, capacity - owed) / limit.step),
            wait: isAdmitted ? .zero : Duration(attoseconds: wanted - capacity),
            untilFull: Duration(attoseconds: owed))
    }

    /// Takes `cost` tokens if they are there; a refused request takes nothing (RL-3).
    package mutating func take(
        cost: Int, _ limit: TokenBucketLimit, now: Instant
    ) -> TokenBucketDecision {
        let decision = peek(cost: cost, limit, now: now)
        if decision.isAdmitted { fullAt = now.advanced(by: decision.untilFull) }
        return decision
    }

    /// Gives back what a request took that another policy refused (RL-3).
    package mutating func giveBack(cost: Int, _ limit: TokenBucketLimit, now: Instant) {
        fullAt = fullAt.advanced(by: Duration(attoseconds: -(limit.step * Int128(cost))))
    }
}
