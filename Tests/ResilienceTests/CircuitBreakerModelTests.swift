import Basics
import Testing

@testable import Resilience

/// CB-11: thirty-two callers with random outcomes over a virtual clock; the breaker and a plain
/// model that keeps every call in a list must agree at each step.
@Suite(.timeLimit(.minutes(2))) struct CircuitBreakerModelTests {
    /// The rules in their simplest form: nothing is counted ahead, everything is searched.
    private struct Model {
        struct Call { let generation: Int, second: Int64, isError: Bool, isSlow: Bool }
        let settings: CircuitBreaker.Settings
        var state = CircuitBreaker.State.closed
        var generation = 0
        var opens = 0
        var calls: [Call] = []
        var given = 0
        var since: Int64 = 0
        var until: Int64 = 0

        func given(_ state: CircuitBreaker.State) -> Int { state == .halfOpen ? given : 0 }

        func recent(at now: Int64) -> ArraySlice<Call> {
            let own = calls.filter { $0.generation == generation }
            switch settings.window {
            case _ where state == .halfOpen: return own[...]
            case .calls(let count): return own.suffix(count)
            case .time(let time):
                let second = (now - since) / 1_000
                return own.filter { second - $0.second < time.components.seconds }[...]
            }
        }

        mutating func enter(_ next: CircuitBreaker.State, _ now: Int64) {
            (state, since, given) = (next, now, 0)
            generation += 1
            calls = []
        }

        mutating func open(_ now: Int64, until: Int64) {
            opens += 1
            enter(.open, now)
            self.until = until
        }

        /// Nil when refused, else the generation.
        mutating func admit(_ now: Int64) -> Int? {
            switch state {
            case .open where now > until:
                enter(.halfOpen, now)
                given = 1
            case .open: return nil
            case .halfOpen where given >= settings.probes: return nil
            case .halfOpen: given += 1
            default: break
            }
            return generation
        }

        /// True when it must open.
        mutating func finish(
            _ from: Int, _ outcome: CircuitBreaker.Outcome, took: Int64, _ now: Int64
        ) -> Bool {
            guard from == generation else { return false }
            if outcome == .ignored {
                if state == .halfOpen { given -= 1 }
                return false
            }
            calls.append(
                Call(
                    generation: generation, second: (now - since) / 1_000,
                    isError: outcome == .failure,
                    isSlow: .milliseconds(took) > settings.slowAfter))
            let window = recent(at: now)
            var needed = settings.callsMin
            if case .calls(let count) = settings.window { needed = min(needed, count) }
            if state == .halfOpen { needed = min(needed, settings.probes) }
            guard window.count >= needed else { return false }
            let isBad =
                window.count { $0.isError } * 100 >= settings.failurePercent * window.count
                || window.count { $0.isSlow } * 100 >= settings.slowPercent * window.count
            if isBad { return true }
            if state == .halfOpen {
                opens = 0
                enter(.closed, now)
            }
            return false
        }
    }

    private struct Running { let permit: CircuitBreaker.Permit, generation: Int, began: Int64, ends: Int64 }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `the breaker and the plain model agree at every step (CB-11)`(seed: UInt64) {
        let random = RandomSource.seeded(seed)
        func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }
        let settings = CircuitBreaker.Settings(
            window: below(2) == 0 ? .calls(5 + below(30)) : .time(.seconds(2 + below(8))),
            callsMin: 2 + below(20), slowAfter: .milliseconds(500), wait: .milliseconds(200 + below(2_000)),
            waitMax: .seconds(10), probes: 1 + below(6), halfOpenMax: .seconds(3))
        let start = MonotonicInstant.now
        func at(_ now: Int64) -> MonotonicInstant { start.advanced(by: .milliseconds(now)) }
        var real = CircuitBreaker(settings, now: start)
        var model = Model(settings: settings)
        var running: [Running] = []
        var now: Int64 = 0
        var seen: Set<CircuitBreaker.State> = []
        for step in 0..<6_000 {
            now += Int64(below(40))
            // Bad times and good times take turns, so that every state is reached.
            let isBad = (step / 600) % 2 == 1
            if model.state == .halfOpen, now - model.since > 3_000 {
                real.advance(now: at(now), random: random)
                model.open(now, until: millisecond(of: real.opensUntil, start))
            }
            if running.count < 32, below(2) == 0 {
                let expected = model.admit(now)
                switch real.admit(now: at(now), random: random) {
                case .refused: if expected != nil { Issue.record("step \(step): refused") }
                case .permit(let permit):
                    if expected == nil { Issue.record("step \(step): a call while open") }
                    let long = below(8) == 0 ? 600 + below(4_000) : below(200)
                    running.append(
                        Running(
                            permit: permit, generation: expected ?? -1, began: now,
                            ends: now + Int64(long)))
                }
            }
            for call in running.filter({ $0.ends <= now }) {
                let outcome: CircuitBreaker.Outcome =
                    below(10) == 0 ? .ignored : below(10) < (isBad ? 8 : 1) ? .failure : .success
                let mustOpen = model.finish(call.generation, outcome, took: now - call.began, now)
                real.finish(call.permit, outcome, now: at(now), random: random)
                if mustOpen { model.open(now, until: millisecond(of: real.opensUntil, start)) }
            }
            running.removeAll { $0.ends <= now }
            let totals = real.totals(now: at(now))
            let recent = model.recent(at: now)
            let agrees =
                real.state == model.state && real.opens == model.opens
                && real.probesGiven == model.given(real.state)
                && totals.calls == recent.count && totals.errors == recent.count { $0.isError }
                && totals.slow == recent.count { $0.isSlow }
            // Checked by hand: millions of expectations would take minutes.
            if !agrees || real.probesGiven > settings.probes || !isWithin(real, at(model.since)) {
                Issue.record("step \(step): \(real) but \(model)")
                return
            }
            seen.insert(real.state)
        }
        #expect(seen == [.closed, .open, .halfOpen])
    }

    /// CB-4: the wait is what the number of openings says, ± 20 %.
    private func isWithin(_ breaker: CircuitBreaker, _ since: MonotonicInstant) -> Bool {
        guard let until = breaker.opensUntil else { return true }
        let (wait, nominal) = (since.duration(to: until), breaker.settings.wait(opens: breaker.opens))
        return wait <= nominal * 1.2 + .milliseconds(1) && wait >= nominal * 0.8 - .milliseconds(1)
    }

    /// Rounded down: the virtual clock has whole milliseconds, so "later than" stays the same.
    private func millisecond(of instant: MonotonicInstant?, _ start: MonotonicInstant)
        -> Int64
    {
        instant.map { start.duration(to: $0).inMilliseconds } ?? -1
    }
}
