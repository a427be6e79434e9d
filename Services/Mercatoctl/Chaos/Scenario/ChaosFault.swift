/// What is done to whom, from when on and for how long.
package struct ChaosFault: Sendable, Equatable {
    package enum Action: String, Sendable, CaseIterable {
        /// Ended at once, without warning; started again when the fault is over.
        case kill
        /// Frozen: it keeps its connections and answers nobody.
        case pause
        /// Ended in good order, and started again when the fault is over.
        case restart
        /// Killed, and what it kept is gone when it comes back.
        case wipe
        /// Runs, but no packet reaches it or leaves it.
        case disconnect
        case scaleToZero = "scale-to-zero"
        /// The payment provider misbehaves on demand; nothing is stopped.
        case provider
    }

    package enum ProviderMode: String, Sendable, CaseIterable {
        /// Every answer takes `delay`.
        case slow
        /// Every call ends in a stored technical failure.
        case failing
        /// The work is done, but the caller never hears of it: its time-out lies.
        case lying
    }

    package var action: Action
    package var target: ChaosTarget
    /// Only for the action `provider`.
    package var mode: ProviderMode?
    /// Only for the mode `slow`.
    package var delay: Duration?
    /// After the first order.
    package var begins: Duration
    package var lasts: Duration

    package init(
        _ action: Action, _ target: ChaosTarget, mode: ProviderMode? = nil, delay: Duration? = nil,
        begins: Duration = .seconds(5), lasts: Duration = .seconds(10)
    ) {
        self.action = action
        self.target = target
        self.mode = mode
        self.delay = delay
        self.begins = begins
        self.lasts = lasts
    }

    package var ends: Duration { begins + lasts }

    /// As a report says it: `kill payment`, `provider slow (3 s)`.
    package var title: String {
        guard action == .provider, let mode else { return "\(action.rawValue) \(target.rawValue)" }
        return "\(target.rawValue) \(mode.rawValue)" + (delay.map { " (\(Seconds.text($0)))" } ?? "")
    }
}
