import Basics
import Testing

@Suite struct MonotonicInstantTests {
    private let start = MonotonicInstant(nanoseconds: 5_000_000_000)

    @Test func `it never goes back, and keeps to the system's own clock`() {
        let before = ContinuousClock.now
        let first = MonotonicInstant.now
        let second = MonotonicInstant.now
        let after = ContinuousClock.now
        #expect(first <= second)
        // Both read the same clock, so what one measured lies within what the other did around it.
        #expect(first.duration(to: second) <= before.duration(to: after))
    }

    @Test func `advancing and measuring are each other's inverse`() {
        let later = start.advanced(by: .milliseconds(1_500))
        #expect(later.nanoseconds == 6_500_000_000)
        #expect(start.duration(to: later) == .milliseconds(1_500))
        #expect(later.duration(to: start) == .milliseconds(-1_500))
        #expect(later - start == .milliseconds(1_500))
        #expect(later - .milliseconds(1_500) == start)
        #expect(start + .milliseconds(1_500) == later)
        #expect(start.advanced(nanoseconds: -1) < start)
        #expect(start.nanoseconds(to: later) == 1_500_000_000)
    }

    @Test func `nothing overflows`() {
        let end = MonotonicInstant(nanoseconds: .max)
        let beginning = MonotonicInstant(nanoseconds: .min)
        #expect(start.advanced(by: .seconds(Int64.max)) == end)
        #expect(start.advanced(by: .seconds(Int64.min)) < start)
        #expect(beginning.advanced(by: .seconds(Int64.min)) == beginning)
        #expect(end.advanced(nanoseconds: 1) == end)
        #expect(beginning.nanoseconds(to: end) == .max)
        #expect(end.nanoseconds(to: beginning) == .min)
        #expect(beginning - .seconds(1) == beginning)
    }

    @Test func `durations become nanoseconds, at most as many as there are`() {
        #expect(Duration.microseconds(-3).inNanoseconds == -3_000)
        #expect(Duration(secondsComponent: 1, attosecondsComponent: 999_999_999).inNanoseconds
            == 1_000_000_000)
        #expect(Duration.seconds(Int64.max).inNanoseconds == .max)
        #expect(Duration.seconds(Int64.min).inNanoseconds == .min)
    }

    @Test func `a deadline that is out of reach is never past`() {
        let never = Deadline.after(.seconds(Int64.max))
        #expect(!never.isPast)
        #expect(never.remaining > .seconds(86_400 * 365 * 100))
        #expect(Deadline.after(.seconds(-1)).isPast)
    }
}
