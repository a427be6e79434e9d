import Basics
import Testing

@testable import Resilience

@Suite struct BackoffTests {
    @Test func `the ceiling doubles up to the cap`() {
        let backoff = Backoff(base: .seconds(1), cap: .seconds(15), jitter: .none)
        let delays = (1...6).map { backoff.delay(attempt: $0, random: .seeded(1)) }
        let expected: [Duration] = [1, 2, 4, 8, 15, 15].map { .seconds($0) }
        #expect(delays == expected)
    }

    @Test(arguments: [Int.min, -1, 0, 1]) func `attempts below two wait the base`(attempt: Int) {
        let backoff = Backoff(base: .milliseconds(200), cap: .seconds(5), jitter: .none)
        #expect(backoff.ceiling(attempt: attempt) == .milliseconds(200))
    }

    @Test func `any attempt number is at most the cap`() {
        let backoff = Backoff(base: .milliseconds(1), cap: .seconds(5))
        #expect(backoff.ceiling(attempt: .max) == .seconds(5))
        #expect(Backoff(base: .zero, cap: .seconds(5)).ceiling(attempt: .max) == .zero)
        let steady = Backoff(base: .seconds(1), multiplier: 1, cap: .seconds(5))
        #expect(steady.ceiling(attempt: .max) == .seconds(1))
    }

    @Test func `full jitter fills the whole range and is the same for the same seed`() {
        let backoff = Backoff(base: .seconds(1), cap: .seconds(1))
        let random = RandomSource.seeded(42)
        let delays = (0..<1_000).map { _ in backoff.delay(attempt: 1, random: random) }
        #expect(delays.allSatisfy { $0 >= .zero && $0 < .seconds(1) })
        let mean = delays.map(\.inSeconds).reduce(0, +) / 1_000
        #expect(abs(mean - 0.5) < 0.05)
        #expect(backoff.delay(attempt: 1, random: .seeded(42)) == delays[0])
    }
}
