import Basics
import Testing

@testable import Resilience

@Suite(.timeLimit(.minutes(1))) struct TokenBucketsTests {
    private let start = ContinuousClock.Instant.now

    private func charge(_ key: String, burst: Int, cost: Int = 1, refill: Int = 1) throws
        -> TokenBuckets.Charge
    {
        TokenBuckets.Charge(
            key: key, cost: cost,
            limit: try #require(
                TokenBucketLimit(burst: burst, refill: refill, period: .seconds(1))))
    }

    @Test func `each key has a bucket of its own`() throws {
        var buckets = TokenBuckets()
        let one = try charge("one", burst: 1)
        let two = try charge("two", burst: 1)
        let first = buckets.take([one], now: start)
        let second = buckets.take([two], now: start)
        let third = buckets.take([one], now: start)
        #expect((first + second + third).map(\.isAdmitted) == [true, true, false])
    }

    @Test func `several policies on one request take from all or from none (RL-3)`() throws {
        var buckets = TokenBuckets()
        let wide = try charge("wide", burst: 10)
        let narrow = try charge("narrow", burst: 2)
        for _ in 0..<2 {
            let both = buckets.take([wide, narrow], now: start)
            #expect(both.map(\.isAdmitted) == [true, true])
        }
        for _ in 0..<20 {
            let refused = buckets.take([wide, narrow], now: start)
            #expect(refused.map(\.isAdmitted) == [true, false])
            #expect(refused.map(\.remaining) == [8, 0])
        }
        let alone = buckets.take([wide], now: start)
        #expect(alone[0].remaining == 7)
    }

    @Test func `what another policy refused is given back (RL-3)`() throws {
        var buckets = TokenBuckets()
        let charge = try charge("a", burst: 3)
        for _ in 0..<50 {
            _ = buckets.take([charge], now: start)
            buckets.giveBack([charge], now: start)
        }
        let decision = buckets.take([charge], now: start)
        #expect(decision[0].remaining == 2)
    }

    @Test func `any number of keys stays within the limit, each is served (RL-10)`() throws {
        var buckets = TokenBuckets(keysMax: 1_000)
        let limit = try #require(TokenBucketLimit(burst: 2, refill: 1, period: .seconds(60)))
        var refused = 0
        for number in 0..<200_000 {
            let charge = TokenBuckets.Charge(key: "\(number)", cost: 1, limit: limit)
            let now = start.advanced(by: .microseconds(number))
            if !buckets.take([charge], now: now)[0].isAdmitted { refused += 1 }
        }
        #expect(buckets.count == 1_000)
        #expect(refused == 0)
    }

    @Test func `full buckets are forgotten first (RL-10)`() throws {
        var buckets = TokenBuckets(keysMax: 3)
        // Full again after 1 s, 10 s and 1 s; then "slow" is used again, so it is full last.
        _ = buckets.take([try charge("slow", burst: 20)], now: start)
        _ = buckets.take([try charge("busy", burst: 20, cost: 10)], now: start)
        _ = buckets.take([try charge("quick", burst: 20)], now: start)
        _ = buckets.take([try charge("slow", burst: 20, cost: 15)], now: start)
        let later = start.advanced(by: .seconds(2))
        _ = buckets.take([try charge("new", burst: 1)], now: later)
        #expect(buckets.count == 3)
        // "quick" was full, and is full; the others still know what was taken.
        let left = try ["slow", "busy"].map {
            buckets.take([try charge($0, burst: 20)], now: later)[0].remaining
        }
        #expect(left == [5, 11])
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `with room for all keys, decisions are those of separate buckets`(seed: UInt64) throws {
        let random = RandomSource.seeded(seed)
        var buckets = TokenBuckets(keysMax: 8)
        var model: [String: TokenBucket] = [:]
        let limit = try #require(TokenBucketLimit(burst: 5, refill: 7, period: .seconds(1)))
        var now = start
        var differing = 0
        for _ in 0..<500 {
            now = now.advanced(by: .milliseconds(Int(random.next() % 80)))
            let key = "\(random.next() % 8)"
            let cost = 1 + Int(random.next() % 3)
            var bucket = model[key] ?? TokenBucket(now: now)
            let expected = bucket.take(cost: cost, limit, now: now)
            model[key] = bucket
            let real = buckets.take([.init(key: key, cost: cost, limit: limit)], now: now)
            if real != [expected] { differing += 1 }
        }
        #expect(differing == 0)
    }
}
