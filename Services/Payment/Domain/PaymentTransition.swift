/// What a command does in a state.
enum Decision: Sendable, Equatable {
    /// The answer is known already: emit it (again). Nothing changes.
    case answer(PaymentReply)
    /// Write the intent of a call to the provider; its outcome will be the answer.
    case begin(OperationKind)
    /// First touch by a command that cannot be carried out: leave a tombstone, and answer.
    case close(PaymentReply)
    /// A call is under way whose outcome answers this command, too, or on which it must wait: the
    /// orchestrator's re-send finds the result.
    case wait
    /// A call is under way: note that its result must be given back, and answer after it.
    case wantVoid
    /// `!` in the table: the command contradicts what we know. Dead letter, nothing changes.
    case contradiction(code: String)
}

/// The payment participant as a total function (correctness.md §2): every cell, no default.
enum PaymentTransition {
    static func step(_ state: PaymentState, _ command: PaymentCommand) -> Decision {
        switch command {
        case .authorize(let terms): authorize(state, terms)
        case .capture: capture(state)
        case .void: void(state)
        case .refund: refund(state)
        }
    }

    private static func authorize(_ state: PaymentState, _ terms: Terms) -> Decision {
        if let known = state.terms, known != terms {
            return .contradiction(code: "authorize_with_other_terms")
        }
        switch state {
        case .none: return .begin(.authorize)
        case .authorizing: return .wait
        case .authorized(_, let reference), .capturing(_, let reference, _),
            .captureFailed(_, let reference, _), .captured(_, let reference, _):
            return .answer(.authorized(reference: reference))
        case .declined(_, let reason): return .answer(.authDeclined(reason: reason))
        case .voiding, .voided: return .answer(.authDeclined(reason: Reason.closed))
        }
    }

    private static func capture(_ state: PaymentState) -> Decision {
        switch state {
        case .none: .close(.captureFailed(reason: Reason.notAuthorized))
        case .authorizing: .wait
        case .authorized: .begin(.capture)
        case .declined(_, let reason): .answer(.captureFailed(reason: reason))
        case .capturing: .wait
        // Sticky: a new attempt for a late duplicate would charge a cancelled order.
        case .captureFailed(_, _, let reason): .answer(.captureFailed(reason: reason))
        case .captured(_, _, let capture): .answer(.captured(reference: capture))
        case .voiding(_, _, let reason), .voided(_, _, let reason):
            .answer(.captureFailed(reason: reason ?? Reason.closed))
        }
    }

    private static func void(_ state: PaymentState) -> Decision {
        switch state {
        case .none: .close(.voided(.nothing))
        case .authorizing(_, let voidWanted), .capturing(_, _, let voidWanted):
            voidWanted ? .wait : .wantVoid
        case .authorized, .captureFailed: .begin(.void)
        case .declined: .answer(.voided(.nothing))
        case .captured: .answer(.voided(.alreadyCaptured))
        case .voiding: .wait
        case .voided(_, let reference, _):
            .answer(.voided(reference == nil ? .nothing : .voided))
        }
    }

    private static func refund(_ state: PaymentState) -> Decision {
        switch state {
        case .none, .authorizing, .authorized, .declined, .captureFailed, .voiding, .voided:
            .contradiction(code: "refund_without_capture")
        case .capturing: .wait
        case .captured: .begin(.refund)
        }
    }
}

extension PaymentState {
    /// The frozen terms, unless no Authorize was ever accepted.
    var terms: Terms? {
        switch self {
        case .none: nil
        case .authorizing(let terms, _), .authorized(let terms, _), .declined(let terms, _),
            .capturing(let terms, _, _), .captureFailed(let terms, _, _),
            .captured(let terms, _, _), .voiding(let terms, _, _):
            terms
        case .voided(let terms, _, _): terms
        }
    }

    /// The provider's reference of the authorization, once there is one.
    var authorization: String? {
        switch self {
        case .none, .authorizing, .declined: nil
        case .authorized(_, let reference), .capturing(_, let reference, _),
            .captureFailed(_, let reference, _), .captured(_, let reference, _),
            .voiding(_, let reference, _):
            reference
        case .voided(_, let reference, _): reference
        }
    }
}
