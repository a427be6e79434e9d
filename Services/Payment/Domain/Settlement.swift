/// What is certain about a call to the provider. Time-outs are not here: they leave the operation
/// UNKNOWN, and change nothing about the money (D12).
enum CallOutcome: Sendable, Equatable {
    /// Approved, captured or voided.
    case done(reference: String)
    /// A business refusal: sticky, never tried again.
    case refused(reason: String)
    /// Still undecided at the provider (3-D Secure, slow bank): Order may wait longer.
    case pending
    /// The key can have no effect any more; `evidence` is the provider's own statement.
    case fenced(evidence: String)
}

/// A posting that the ledger needs (D13).
enum TransferCode: String, Sendable, Equatable {
    case hold = "HOLD"
    case post = "POST"
    case earn = "EARN"
    case void = "VOID"
    case refund = "REFUND"
}

/// What the second transaction of an operation must write, all together.
struct Settlement: Sendable, Equatable {
    /// The new state of the payment; nil leaves it.
    var state: PaymentState?
    var transfers: [TransferCode] = []
    /// The answer to the operation's own command.
    var reply: PaymentReply?
    /// The answer to a Void that was waiting for this outcome.
    var voidReply: PaymentReply?
    /// The next call: a void that was waiting, or the same kind under a new key behind a fence.
    var next: Next?

    enum Next: Sendable, Equatable {
        case attempt(OperationKind)
        case pendingVoid
    }
}

/// Why an outcome cannot be taken into the books: the operator is called, nothing changes.
struct Contradiction: Error, Sendable, Equatable {
    let code: String
}

extension PaymentTransition {
    /// The row "provider ok / refusal / timeout" of the participant table: what an outcome of an
    /// operation of `kind` means in `state`.
    static func settle(_ state: PaymentState, _ kind: OperationKind, _ outcome: CallOutcome)
        throws(Contradiction) -> Settlement
    {
        switch (kind, state) {
        case (.authorize, .authorizing(let terms, let voidWanted)):
            return settleAuthorization(terms, voidWanted, outcome)
        case (.capture, .capturing(let terms, let reference, let voidWanted)):
            return settleCapture(terms, reference, voidWanted, outcome)
        case (.void, .voiding(let terms, let reference, let reason)):
            return try settleVoid(terms, reference, reason, outcome)
        case (.refund, _):
            throw Contradiction(code: "refund_outcome_unexpected")
        case (.authorize, _), (.capture, _), (.void, _):
            throw Contradiction(code: "outcome_without_operation")
        }
    }

    private static func settleAuthorization(
        _ terms: Terms, _ voidWanted: Bool, _ outcome: CallOutcome
    ) -> Settlement {
        switch outcome {
        case .done(let reference):
            // With a Void waiting, Authorized is true all the same; Order ignores it by then.
            return Settlement(
                state: voidWanted
                    ? .voiding(terms, reference: reference, reason: nil)
                    : .authorized(terms, reference: reference),
                transfers: [.hold], reply: .authorized(reference: reference),
                next: voidWanted ? .pendingVoid : nil)
        case .refused(let reason):
            return Settlement(
                state: .declined(terms, reason: reason), reply: .authDeclined(reason: reason),
                voidReply: voidWanted ? .voided(.nothing) : nil)
        case .pending:
            return Settlement(reply: .authPending)
        case .fenced:
            // Proven not to have happened: with a Void waiting there is nothing to try again.
            guard voidWanted else { return Settlement(next: .attempt(.authorize)) }
            return Settlement(
                state: .voided(terms, reference: nil, reason: nil),
                reply: .authDeclined(reason: Reason.closed), voidReply: .voided(.nothing))
        }
    }

    private static func settleCapture(
        _ terms: Terms, _ reference: String, _ voidWanted: Bool, _ outcome: CallOutcome
    ) -> Settlement {
        switch outcome {
        case .done(let capture):
            return Settlement(
                state: .captured(terms, reference: reference, capture: capture),
                transfers: [.post, .earn], reply: .captured(reference: capture),
                voidReply: voidWanted ? .voided(.alreadyCaptured) : nil)
        case .refused(let reason):
            return failedCapture(terms, reference, voidWanted, reason)
        case .pending:
            return Settlement()
        case .fenced:
            guard voidWanted else { return Settlement(next: .attempt(.capture)) }
            return failedCapture(terms, reference, voidWanted, Reason.closed)
        }
    }

    private static func failedCapture(
        _ terms: Terms, _ reference: String, _ voidWanted: Bool, _ reason: String
    ) -> Settlement {
        Settlement(
            state: voidWanted
                ? .voiding(terms, reference: reference, reason: reason)
                : .captureFailed(terms, reference: reference, reason: reason),
            reply: .captureFailed(reason: reason), next: voidWanted ? .pendingVoid : nil)
    }

    private static func settleVoid(
        _ terms: Terms, _ reference: String, _ reason: String?, _ outcome: CallOutcome
    ) throws(Contradiction) -> Settlement {
        switch outcome {
        case .done:
            return Settlement(
                state: .voided(terms, reference: reference, reason: reason), transfers: [.void],
                reply: .voided(.voided))
        case .refused:
            // Compensation cannot fail (D3): the books say that there is a hold to give back.
            throw Contradiction(code: "void_refused")
        case .pending:
            return Settlement()
        case .fenced:
            return Settlement(next: .attempt(.void))
        }
    }
}
