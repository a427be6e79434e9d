import Crypto

/// A decision taken outside the books: by the test card, or by an operator's fault.
enum Verdict: Sendable, Equatable {
    case refuse(reason: String)
    /// A technical failure, stored under the key.
    case error

    /// A void cannot be refused by a card: only a technical error may hit it.
    func applies(to kind: OperationKind) -> Bool {
        switch self {
        case .refuse: kind == .authorize || kind == .capture || kind == .refund
        case .error: true
        }
    }
}

/// How one call will go: pure data, chosen before anything happens.
struct Behaviour: Sendable, Equatable {
    enum Ending: Sendable, Equatable {
        case answer
        /// The work is done, but the caller never hears of it: its time-out strikes first.
        case silentAfterEffect
        /// The request is lost: nothing is done, and the caller's time-out strikes.
        case silentWithoutEffect
    }

    var delay: Duration = .zero
    var verdict: Verdict?
    var ending: Ending = .answer
}

/// The behaviour that each test card stands for.
enum TestCard: String, Sendable, CaseIterable {
    case ok = "tok_ok"
    case declined = "tok_declined"
    case slow = "tok_slow"
    case timeoutEffect = "tok_timeout_effect"
    case timeoutLost = "tok_timeout_lost"
    case error = "tok_error"
    case captureRefused = "tok_capture_refused"

    /// How long `tok_slow` takes: anything in this range, fixed by the key.
    static let slowest = Duration.milliseconds(2000)
    static let quickestSlow = Duration.milliseconds(200)

    /// - Parameters:
    ///   - isFirstCall: whether no call under this key came before.
    ///   - hasFailed: whether this purchase already met its stored error for this kind.
    func behaviour(
        for kind: OperationKind, key: String, isFirstCall: Bool, hasFailed: Bool
    ) -> Behaviour {
        let movesMoney = kind == .authorize || kind == .capture
        switch self {
        case .ok:
            return Behaviour()
        case .declined:
            return Behaviour(verdict: kind == .authorize ? .refuse(reason: "card_declined") : nil)
        case .slow:
            return Behaviour(delay: Self.slowness(of: key))
        case .timeoutEffect:
            return Behaviour(ending: movesMoney && isFirstCall ? .silentAfterEffect : .answer)
        case .timeoutLost:
            return Behaviour(ending: movesMoney && isFirstCall ? .silentWithoutEffect : .answer)
        case .error:
            return Behaviour(verdict: movesMoney && !hasFailed ? .error : nil)
        case .captureRefused:
            return Behaviour(verdict: kind == .capture ? .refuse(reason: "capture_refused") : nil)
        }
    }

    static func behaviour(ofUnknown kind: OperationKind) -> Behaviour {
        Behaviour(verdict: kind == .authorize ? .refuse(reason: "unknown_card") : nil)
    }

    /// Random over keys, but the same for every call under one key.
    static func slowness(of key: String) -> Duration {
        let hash = SHA256.digest(Array("slowness:\(key)".utf8))
        let value = hash.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return quickestSlow + (slowest - quickestSlow) * (Double(value) / Double(UInt32.max))
    }
}

/// An operator's fault: it stands above the card until its count is used up.
struct FaultSwitch: Sendable, Equatable {
    enum Mode: String, Sendable, Codable, CaseIterable {
        case approve, decline, delay, fail
        case timeoutEffect = "timeout_effect"
        case timeoutLost = "timeout_lost"
        case off
    }

    private(set) var mode = Mode.off
    private(set) var delay = Duration.zero
    /// Calls left to hit; nil means until switched off.
    private(set) var remaining: Int?

    init() {}

    init(mode: Mode, delay: Duration, count: Int?) {
        self.mode = count == 0 ? .off : mode
        self.delay = delay
        remaining = mode == .off ? nil : count
    }

    /// What becomes of the next call; nil when the card alone decides. Uses up one count.
    ///
    /// - Parameter card: the card's own behaviour. A slow or silent company still knows a declined
    ///   card from a good one, so only the modes that are verdicts replace the card's.
    mutating func next(over card: Behaviour) -> Behaviour? {
        var behaviour = card
        switch mode {
        case .off: return nil
        case .approve: behaviour = Behaviour()
        case .decline: behaviour = Behaviour(verdict: .refuse(reason: "declined_by_operator"))
        case .fail: behaviour = Behaviour(verdict: .error)
        case .delay: behaviour.delay += delay
        case .timeoutEffect:
            behaviour.delay += delay
            behaviour.ending = .silentAfterEffect
        case .timeoutLost:
            behaviour.delay += delay
            behaviour.ending = .silentWithoutEffect
        }
        if let left = remaining {
            remaining = left - 1
            if left <= 1 { self = FaultSwitch() }
        }
        return behaviour
    }
}
