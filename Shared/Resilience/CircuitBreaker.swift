package import Basics

/// Stops calls to a dependency that fails or drags, and finds out by a few probes when it is back
/// (CB-1…CB-7). Pure: time and randomness come in, and nothing is done but counting.
///
/// closed → open (too many failed or slow) → half-open (some probes) → closed or open again. An
/// operator can force it open, switch it off, or let it count only.
package struct CircuitBreaker: Sendable {
    /// Of the monotonic clock, or of a test's.
    package typealias Instant = MonotonicInstant

    /// CB-1. The raw values are what metrics and the admin port say.
    package enum State: String, Sendable, CaseIterable {
        case closed, open
        case halfOpen = "half_open"
        case forcedOpen = "forced_open"
        case disabled
        case metricsOnly = "metrics_only"
    }

    /// What an operator can ask for.
    package enum Mode: String, Sendable, CaseIterable {
        case auto
        case forcedOpen = "forced_open"
        case disabled
        case metricsOnly = "metrics_only"
    }

    /// How a call ended (CB-2, CB-6).
    package enum Outcome: Sendable, Hashable {
        case success, failure
        /// Nobody's doing, or the caller's: the permit goes back and nothing is counted.
        case ignored
    }

    /// The right to make one call; its outcome is to be reported once.
    package struct Permit: Sendable, Hashable {
        /// The breaker's generation when it was given: later ones do not count its outcome (CB-7).
        let generation: UInt64
        package let startedAt: Instant
    }

    /// The answer to the question whether a call may be made.
    package enum Admission: Sendable, Hashable {
        case permit(Permit)
        /// No call may be made; another try is worthwhile after that time.
        case refused(retryAfter: Duration)
    }

    /// One change of state, for logs and metrics.
    package struct Transition: Sendable, Equatable {
        package let from: State
        package let to: State
        /// Why, in a few words with the numbers that decided.
        package let reason: String
    }

    package let settings: Settings
    package private(set) var state = State.closed
    /// k of CB-4: how often it opened since it was last closed.
    package private(set) var opens = 0
    /// When an open breaker lets the next call probe; nil in other states.
    package private(set) var opensUntil: Instant?
    /// Grows with each change of state (CB-7).
    package private(set) var generation: UInt64 = 0

    private var window: OutcomeWindow
    /// Half-open: permits given and not given back; and when it began.
    private var probesTaken = 0
    private var halfOpenSince: Instant
    private var changes: [Transition] = []

    package init(_ settings: Settings, now: Instant, mode: Mode = .auto) {
        self.settings = settings
        window = OutcomeWindow(settings.window, now: now)
        halfOpenSince = now
        if mode != .auto { set(mode, reason: "configured", now: now) }
    }

    // MARK: Calls

    /// Whether a call may be made now.
    package mutating func admit(now: Instant, random: RandomSource) -> Admission {
        advance(now: now, random: random)
        switch state {
        case .closed, .disabled, .metricsOnly: return permit(now)
        case .forcedOpen: return .refused(retryAfter: settings.waitMax)
        case .open:
            // The call that comes after the wait makes it half-open, and takes a permit itself (CB-4).
            guard let until = opensUntil, now > until else {
                return .refused(retryAfter: opensUntil.map { now.duration(to: $0) } ?? .zero)
            }
            enter(.halfOpen, "the wait is over", now: now)
            probesTaken = 1
            return permit(now)
        case .halfOpen:
            guard probesTaken < settings.probes else {
                return .refused(retryAfter: .seconds(1))
            }
            probesTaken += 1
            return permit(now)
        }
    }

    private func permit(_ now: Instant) -> Admission {
        .permit(Permit(generation: generation, startedAt: now))
    }

    /// The end of a call that had a permit. Each permit ends once (CB-6).
    package mutating func finish(
        _ permit: Permit, _ outcome: Outcome, now: Instant, random: RandomSource
    ) {
        advance(now: now, random: random)
        guard permit.generation == generation else { return }
        guard outcome != .ignored else {
            if state == .halfOpen { probesTaken -= 1 }
            return
        }
        switch state {
        case .open, .forcedOpen, .disabled: return
        case .closed, .halfOpen, .metricsOnly: break
        }
        let isSlow = permit.startedAt.duration(to: now) > settings.slowAfter
        window.record(isError: outcome == .failure, isSlow: isSlow, now: now)
        judge(now: now, random: random)
    }

    /// CB-3 and CB-5.
    private mutating func judge(now: Instant, random: RandomSource) {
        let totals = window.totals(now: now)
        let needed =
            state == .halfOpen
            ? min(settings.callsNeeded, settings.probes) : settings.callsNeeded
        guard state != .metricsOnly, totals.calls >= needed else { return }
        if let reason = settings.complaint(about: totals) {
            open(reason, now: now, random: random)
        } else if state == .halfOpen {
            opens = 0
            enter(.closed, "\(totals.calls) probes were answered well", now: now)
        }
    }

    /// What time alone changes: probes that never come back must not keep it half-open (CB-6).
    package mutating func advance(now: Instant, random: RandomSource) {
        guard state == .halfOpen, halfOpenSince.duration(to: now) > settings.halfOpenMax else { return }
        open("the probes brought no verdict in time", now: now, random: random)
    }

    // MARK: Changes

    private mutating func open(_ reason: String, now: Instant, random: RandomSource) {
        opens += 1
        enter(.open, reason, now: now)
        let spread = 0.8 + 0.4 * random.fraction()
        opensUntil = now.advanced(by: settings.wait(opens: opens) * spread)
    }

    private mutating func enter(_ next: State, _ reason: String, now: Instant) {
        changes.append(Transition(from: state, to: next, reason: reason))
        state = next
        generation += 1
        opensUntil = nil
        probesTaken = 0
        halfOpenSince = now
        // Half-open too: its own window is wide enough for its probes.
        window = OutcomeWindow(
            next == .halfOpen ? .calls(settings.probes) : settings.window, now: now)
    }

    /// An operator's wish. `auto` begins closed and with an empty window.
    package mutating func set(_ mode: Mode, reason: String, now: Instant) {
        opens = 0
        switch mode {
        case .auto: enter(.closed, reason, now: now)
        case .forcedOpen: enter(.forcedOpen, reason, now: now)
        case .disabled: enter(.disabled, reason, now: now)
        case .metricsOnly: enter(.metricsOnly, reason, now: now)
        }
    }

    /// The changes since the last call of this, oldest first.
    package mutating func takeChanges() -> [Transition] {
        defer { changes = [] }
        return changes
    }

    // MARK: Looking

    /// The mode in force.
    package var mode: Mode {
        switch state {
        case .closed, .open, .halfOpen: .auto
        case .forcedOpen: .forcedOpen
        case .disabled: .disabled
        case .metricsOnly: .metricsOnly
        }
    }

    /// Half-open: probes under way or answered, out of `settings.probes`.
    package var probesGiven: Int { state == .halfOpen ? probesTaken : 0 }

    /// The window's numbers.
    package mutating func totals(now: Instant) -> OutcomeWindow.Totals { window.totals(now: now) }
}
