import Basics
import Testing

@testable import Resilience

@Suite struct CircuitBreakerTests {
    private let start = MonotonicInstant.now
    private let random = RandomSource.seeded(1)
    private static let counting = CircuitBreaker.Settings(
        window: .calls(10), callsMin: 4, wait: .seconds(5), waitMax: .seconds(60), probes: 3)

    private func at(_ milliseconds: Int) -> MonotonicInstant {
        start.advanced(by: .milliseconds(milliseconds))
    }

    private func breaker(_ settings: CircuitBreaker.Settings = counting) -> CircuitBreaker {
        CircuitBreaker(settings, now: start)
    }

    private func permit(_ breaker: inout CircuitBreaker, _ now: Int) throws -> CircuitBreaker.Permit {
        guard case .permit(let permit) = breaker.admit(now: at(now), random: random) else {
            throw Refused()
        }
        return permit
    }
    private struct Refused: Error {}

    private func call(
        _ breaker: inout CircuitBreaker, _ now: Int, _ outcome: CircuitBreaker.Outcome, takes: Int = 1
    ) throws {
        let permit = try permit(&breaker, now)
        breaker.finish(permit, outcome, now: at(now + takes), random: random)
    }

    private func opened() throws -> CircuitBreaker {
        var breaker = breaker()
        for _ in 0..<4 { try call(&breaker, 0, .failure) }
        #expect(breaker.state == .open)
        return breaker
    }

    private func halfOpened(at now: Int = 6_100) throws -> (CircuitBreaker, CircuitBreaker.Permit) {
        var breaker = try opened()
        let permit = try permit(&breaker, now)
        #expect(breaker.state == .halfOpen)
        return (breaker, permit)
    }

    @Test func `it opens at the share of failures, once there are enough calls (CB-3)`() throws {
        var breaker = breaker()
        for _ in 0..<3 { try call(&breaker, 0, .failure) }
        #expect(breaker.state == .closed)
        try call(&breaker, 0, .success)
        #expect(breaker.state == .open)
        let changes = breaker.takeChanges()
        #expect(changes == [.init(from: .closed, to: .open, reason: "3 of 4 calls failed")])
        #expect(breaker.takeChanges().isEmpty)
    }

    @Test func `slow calls open it too; slow is strictly longer than the limit (CB-2, CB-3)`() throws {
        var breaker = breaker()
        for _ in 0..<6 { try call(&breaker, 0, .success, takes: 2_000) }
        #expect(breaker.state == .closed)
        var slow = self.breaker()
        for _ in 0..<4 { try call(&slow, 0, .success, takes: 2_001) }
        #expect(slow.state == .open)
        #expect(slow.takeChanges().last?.reason == "4 of 4 calls were slow")
    }

    @Test func `old calls leave a window of calls, and one of time (CB-2)`() throws {
        var counted = breaker()
        try call(&counted, 0, .failure)
        for _ in 0..<10 { try call(&counted, 0, .success) }
        let last = counted.totals(now: at(0))
        #expect(last == .init(calls: 10, errors: 0, slow: 0))
        var settings = Self.counting
        settings.window = .time(.seconds(10))
        var timed = breaker(settings)
        for second in 0..<3 { try call(&timed, second * 1_000, .failure) }
        #expect(timed.totals(now: at(9_900)).errors == 3)
        #expect(timed.totals(now: at(10_500)).errors == 2)
        #expect(timed.totals(now: at(60_000)).calls == 0)
    }

    @Test func `a window of calls clamps the calls needed to its size (CB-3)`() throws {
        var breaker = breaker(.init(window: .calls(5), callsMin: 100))
        for _ in 0..<5 { try call(&breaker, 0, .failure) }
        #expect(breaker.state == .open)
    }

    @Test func `open refuses until the wait is over, and says how long that is (CB-4)`() throws {
        var breaker = try opened()
        guard case .refused(let wait) = breaker.admit(now: at(1), random: random) else {
            Issue.record("a call was let through")
            return
        }
        #expect(wait >= .seconds(4) && wait <= .seconds(6))
        let early = breaker.admit(now: at(3_999), random: random)
        guard case .refused = early else {
            Issue.record("a call was let through early")
            return
        }
        _ = try permit(&breaker, 6_100)
        #expect(breaker.state == .halfOpen)
        #expect(breaker.probesGiven == 1)
    }

    @Test func `the wait doubles with each opening, up to its maximum, ± 20 % (CB-4)`() throws {
        let settings = Self.counting
        #expect([1, 2, 3, 4, 5, 1_000].map(settings.wait(opens:)) == [5, 10, 20, 40, 60, 60].map { .seconds($0) })
        var (breaker, probe) = try halfOpened()
        breaker.finish(probe, .failure, now: at(6_101), random: random)
        for _ in 0..<2 { try call(&breaker, 6_102, .failure) }
        #expect(breaker.state == .open)
        #expect(breaker.opens == 2)
        let wait = at(6_102).duration(to: try #require(breaker.opensUntil))
        #expect(wait >= .seconds(8) && wait <= .milliseconds(12_001))
    }

    @Test func `half-open lets at most P probes through at once (CB-5)`() throws {
        var (breaker, _) = try halfOpened()
        _ = try permit(&breaker, 6_101)
        _ = try permit(&breaker, 6_101)
        for _ in 0..<10 { #expect(throws: Refused.self) { try permit(&breaker, 6_102) } }
    }

    @Test func `good probes close it and start afresh (CB-5)`() throws {
        var (breaker, probe) = try halfOpened()
        breaker.finish(probe, .success, now: at(6_102), random: random)
        try call(&breaker, 6_103, .success)
        #expect(breaker.state == .halfOpen)
        try call(&breaker, 6_104, .success)
        #expect(breaker.state == .closed)
        #expect(breaker.opens == 0)
        #expect(breaker.totals(now: at(6_105)).calls == 0)
    }

    @Test func `an ignored or cancelled call gives its permit back, uncounted (CB-6)`() throws {
        var (breaker, probe) = try halfOpened()
        breaker.finish(probe, .ignored, now: at(6_102), random: random)
        #expect(breaker.probesGiven == 0)
        for _ in 0..<50 { try call(&breaker, 6_103, .ignored) }
        #expect(breaker.state == .halfOpen)
        #expect(breaker.totals(now: at(6_104)).calls == 0)
        for _ in 0..<3 { try call(&breaker, 6_105, .success) }
        #expect(breaker.state == .closed)
    }

    @Test func `probes that never come back open it again after the longest wait (CB-6)`() throws {
        var (breaker, probe) = try halfOpened()
        breaker.advance(now: at(36_101), random: random)
        #expect(breaker.state == .open)
        #expect(breaker.opens == 2)
        breaker.finish(probe, .success, now: at(36_102), random: random)
        #expect(breaker.state == .open)
    }

    @Test func `an outcome of an older generation changes nothing (CB-7)`() throws {
        var breaker = breaker()
        let late = try (0..<20).map { _ in try permit(&breaker, 0) }
        for _ in 0..<4 { try call(&breaker, 0, .failure) }
        let probe = try permit(&breaker, 6_100)
        for permit in late { breaker.finish(permit, .success, now: at(6_101), random: random) }
        #expect(breaker.state == .halfOpen)
        #expect(breaker.totals(now: at(6_101)).calls == 0)
        breaker.finish(probe, .failure, now: at(6_102), random: random)
        #expect(breaker.totals(now: at(6_102)).calls == 1)
    }

    @Test func `an operator can force it open, switch it off, or only count (CB-1)`() throws {
        var forced = breaker()
        forced.set(.forcedOpen, reason: "an operator", now: at(0))
        #expect(throws: Refused.self) { try permit(&forced, 1_000_000) }
        var disabled = breaker()
        disabled.set(.disabled, reason: "an operator", now: at(0))
        for _ in 0..<50 { try call(&disabled, 1, .failure) }
        #expect(disabled.state == .disabled)
        #expect(disabled.totals(now: at(2)).calls == 0)
        var counting = CircuitBreaker(Self.counting, now: start, mode: .metricsOnly)
        for _ in 0..<50 { try call(&counting, 1, .failure) }
        #expect(counting.state == .metricsOnly)
        #expect(counting.totals(now: at(2)).errors == 10)
        counting.set(.auto, reason: "an operator", now: at(3))
        #expect(counting.state == .closed)
        #expect(counting.mode == .auto)
        for _ in 0..<4 { try call(&counting, 4, .failure) }
        #expect(counting.state == .open)
    }

    @Test func `the defaults are those of the design (CB-9)`() {
        let settings = CircuitBreaker.Settings()
        #expect(settings.window == .time(.seconds(10)))
        #expect(settings.callsMin == 20)
        #expect(settings.failurePercent == 50)
        #expect(settings.slowPercent == 80)
        #expect(settings.slowAfter == .seconds(2))
        #expect(settings.wait == .seconds(5))
        #expect(settings.waitMax == .seconds(60))
        #expect(settings.probes == 5)
        #expect(settings.halfOpenMax == .seconds(30))
    }
}
