import Basics
import Testing

@testable import Resilience

@Suite(.timeLimit(.minutes(1))) struct TokenBucketTests {
    private let start = ContinuousClock.Instant.now

    private func limit(_ burst: Int, _ refill: Int, _ period: Duration = .seconds(1)) throws
        -> TokenBucketLimit
    {
        try #require(TokenBucketLimit(burst: burst, refill: refill, period: period))
    }

    @Test func `a new bucket is full, and empty after its burst (RL-1)`() throws {
        let limit = try limit(3, 1)
        var bucket = TokenBucket(now: start)
        for left in [2, 1, 0] {
            let decision = bucket.take(cost: 1, limit, now: start)
            #expect(decision.isAdmitted)
            #expect(decision.remaining == left)
        }
        let refused = bucket.take(cost: 1, limit, now: start)
        #expect(!refused.isAdmitted)
        #expect(refused.wait == .seconds(1))
        #expect(refused.untilFull == .seconds(3))
        let later = bucket.take(cost: 1, limit, now: start.advanced(by: .seconds(1)))
        #expect(later.isAdmitted)
    }

    @Test func `a bucket fills to its burst and no further (RL-1)`() throws {
        let limit = try limit(5, 10)
        var bucket = TokenBucket(now: start)
        _ = bucket.take(cost: 5, limit, now: start)
        let day = start.advanced(by: .seconds(86_400))
        #expect(bucket.peek(cost: 0, limit, now: day).remaining == 5)
        #expect(!bucket.peek(cost: 6, limit, now: day).isAdmitted)
    }

    @Test func `a third of a second is exactly a third of a token rate of three (RL-2)`() throws {
        let limit = try limit(1, 3)
        var bucket = TokenBucket(now: start)
        var admitted = 0
        // Three hundred steps of a third of a second, each rounded to the microsecond above.
        for step in 0..<300 {
            let now = start.advanced(by: .microseconds(333_334 * step))
            if bucket.take(cost: 1, limit, now: now).isAdmitted { admitted += 1 }
        }
        #expect(admitted == 300)
    }

    @Test func `a refused request takes nothing (RL-3)`() throws {
        let limit = try limit(10, 1)
        var bucket = TokenBucket(now: start)
        _ = bucket.take(cost: 8, limit, now: start)
        let before = bucket
        for _ in 0..<50 { _ = bucket.take(cost: 3, limit, now: start) }
        #expect(bucket == before)
        let small = bucket.take(cost: 2, limit, now: start)
        #expect(small.isAdmitted)
    }

    @Test(arguments: [
        (0, 1, Duration.seconds(1)), (1, 0, .seconds(1)), (1, 1, .zero), (-1, 1, .seconds(1)),
        (1_000_001, 1, .seconds(1)), (1, 1, .seconds(86_401)),
    ])
    func `sizes that are not positive or too large are no limit (RL-1)`(
        burst: Int, refill: Int, period: Duration
    ) {
        #expect(TokenBucketLimit(burst: burst, refill: refill, period: period) == nil)
    }

    @Test func `the largest and slowest limit overflows nothing`() throws {
        let limit = try limit(1_000_000, 1, .seconds(86_400))
        var bucket = TokenBucket(now: start)
        let decision = bucket.take(cost: 1_000_000, limit, now: start)
        #expect(decision.isAdmitted)
        #expect(decision.untilFull == .seconds(86_400) * 1_000_000)
        #expect(limit.window == .seconds(86_400) * 1_000_000)
    }

    @Test(arguments: 0..<100 as Range<UInt64>)
    func `no schedule admits more than B + (b-a)·R/P in any interval (RL-11)`(seed: UInt64) throws {
        let random = RandomSource.seeded(seed)
        func below(_ limit: UInt64) -> Int { Int(random.next() % limit) }
        let (burst, refill) = (1 + below(20), 1 + below(50))
        let period = Duration.milliseconds(1 + below(2_000))
        let limit = try limit(burst, refill, period)
        var bucket = TokenBucket(now: start)
        var now = start
        var admitted: [(at: Duration, cost: Int)] = []
        for _ in 0..<300 {
            now = now.advanced(by: .microseconds(below(4) == 0 ? below(200_000) : below(500)))
            let cost = 1 + below(UInt64(min(3, burst)))
            if bucket.take(cost: cost, limit, now: now).isAdmitted {
                admitted.append((start.duration(to: now), cost))
            }
        }
        // Every interval that begins and ends with an admitted request.
        var violations = 0
        for first in admitted.indices {
            var sum = 0
            for last in first..<admitted.count {
                sum += admitted[last].cost
                let length = (admitted[last].at - admitted[first].at).attoseconds
                let allowed = Int128(burst) * period.attoseconds + length * Int128(refill)
                // One token's time is rounded down to an attosecond: that is all it may be off.
                if Int128(sum) * period.attoseconds > allowed + Int128(refill * sum) { violations += 1 }
            }
        }
        #expect(violations == 0)
        #expect(!admitted.isEmpty)
    }

    @Test func `the share of one of three gateways is a third, but never nothing (RL-9)`() throws {
        let share = try limit(30, 9).share(of: 3, costMax: 1)
        #expect(share.burst == 10)
        var bucket = TokenBucket(now: start)
        var admitted = 0
        for step in 0..<1_000 {
            let now = start.advanced(by: .milliseconds(10 * step))
            if bucket.take(cost: 1, share, now: now).isAdmitted { admitted += 1 }
        }
        #expect((38...40).contains(admitted))
        #expect(try limit(2, 1).share(of: 5, costMax: 2).burst == 2)
    }

    @Test func `what was given back can be taken again (RL-3)`() throws {
        let limit = try limit(4, 1)
        var bucket = TokenBucket(now: start)
        let full = bucket
        _ = bucket.take(cost: 3, limit, now: start)
        bucket.giveBack(cost: 3, limit, now: start)
        #expect(bucket == full)
    }
}
