import Basics

/// Stops calls to a store that does not answer: after some failures in a row none is made for a
/// while, then a single one probes (RL-9). Pure; time and randomness come in.
struct StoreBreaker: Sendable, Equatable {
    typealias Instant = MonotonicInstant

    enum State: Equatable {
        /// Calls are made. Goes to `open` when the last failure allowed happens.
        case closed(failures: Int)
        /// No call is made until then; the first one after it goes to `probing`.
        case open(until: Instant)
        /// One call is under way. Goes to `closed` when it succeeds, else to `open`.
        case probing
    }

    private(set) var state = State.closed(failures: 0)
    let failuresMax: Int
    let pause: Duration

    init(failuresMax: Int = 3, pause: Duration = .seconds(1)) {
        self.failuresMax = failuresMax
        self.pause = pause
    }

    /// Whether a call may be made now. Its outcome must be reported.
    mutating func permits(now: Instant) -> Bool {
        switch state {
        case .closed: return true
        case .probing: return false
        case .open(let until):
            guard now >= until else { return false }
            state = .probing
            return true
        }
    }

    mutating func succeeded() {
        // While open, this is the late success of a call made before: not enough to trust it again.
        if case .open = state { return }
        state = .closed(failures: 0)
    }

    /// `spread` is 0.8 to 1.2: gateways that lost one store must not come back to it at once.
    mutating func failed(now: Instant, spread: Double = 1) {
        switch state {
        case .closed(let failures) where failures + 1 < failuresMax:
            state = .closed(failures: failures + 1)
        case .closed, .probing:
            state = .open(until: now.advanced(by: pause * spread))
        case .open: break
        }
    }

    var isOpen: Bool {
        if case .closed = state { false } else { true }
    }
}
