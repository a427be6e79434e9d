package import Basics

/// What an order's reservation is: the columns of the participant table in correctness.md §2.
package enum Reservation: Sendable, Equatable {
    /// Never heard of. Leaves to `held`, `rejected`, or `released(.neverHeld)`, the tombstone.
    case none
    /// Pieces are set aside. Leaves to `committed` or `released`.
    case held(linesHash: String)
    /// Pieces are sold. Leaves to `released(.restocked)`.
    case committed(linesHash: String)
    /// For ever. Fences every forward command that arrives late (D3).
    case released(ReleaseReason, linesHash: String?)
    /// For ever. Nothing was ever held.
    case rejected(Refusal, linesHash: String)
}

package enum ReleaseReason: String, Sendable, CaseIterable {
    /// A Release freed the hold.
    case released
    /// A Release put sold pieces back.
    case restocked
    /// The hold outlived its time (invariant 35).
    case expired
    /// An undo or a commit came before any Reserve: a tombstone without lines.
    case neverHeld = "never_held"
}

/// What happens to a reservation: the rows of the participant table.
package enum ReservationCommand: Sendable, Equatable {
    case reserve(lines: [ReservationLine], linesHash: String)
    case commitStock
    case release
    /// The expiry job, after the database has judged the hold too old.
    case expire
}

/// What Inventory tells the order. Always derived from command and state, so that a command that is
/// repeated under a new message id gets the same words again (D4).
package enum ReservationAnswer: Sendable, Equatable {
    case reserved
    case reserveRejected(Refusal)
    /// A Release, or the end of the time to live, came first.
    case reserveClosed
    case stockCommitted
    case commitRejected(CommitRefusal)
    case released(ReleaseOutcome)
    case reservationExpired
}

package enum CommitRefusal: String, Sendable {
    case expired, released, rejected, unknown
}

package enum ReleaseOutcome: String, Sendable {
    case released, nothing, restocked
}

/// One step of the state machine.
package enum ReservationDecision: Sendable, Equatable {
    /// Go to `next`; make one move of this kind for every line; tell the order.
    case change(to: Reservation, move: MoveKind?, answer: ReservationAnswer)
    /// Nothing changes; the same answer again.
    case answer(ReservationAnswer)
    /// Nothing changes and nobody is told: the expiry job came too late to matter.
    case ignore
    /// The sender contradicts itself. Dead letter, no change (`!` in the table).
    case contradiction(Contradiction)
}

package enum Contradiction: String, Sendable {
    /// A second Reserve for the same order with other lines.
    case reserveOtherLines = "reserve_other_lines"
}

extension Reservation {
    /// The participant table, one branch per cell. `stock` holds the levels of the command's lines
    /// and matters only for the first Reserve.
    package func decide(
        _ command: ReservationCommand, stock: [SKU: StockLevel] = [:]
    ) -> ReservationDecision {
        switch command {
        case .reserve(let lines, let hash): reserve(lines, hash, stock)
        case .commitStock: commitStock()
        case .release: release()
        case .expire: expire()
        }
    }

    private func reserve(
        _ lines: [ReservationLine], _ hash: String, _ stock: [SKU: StockLevel]
    ) -> ReservationDecision {
        // A tombstone knows no lines, so it fences a Reserve with any.
        if let known = linesHash, known != hash { return .contradiction(.reserveOtherLines) }
        switch self {
        case .none:
            if let refusal = InventoryService.refusal(of: lines, stock: stock) {
                return .change(
                    to: .rejected(refusal, linesHash: hash), move: nil,
                    answer: .reserveRejected(refusal))
            }
            return .change(to: .held(linesHash: hash), move: .hold, answer: .reserved)
        case .held, .committed: return .answer(.reserved)
        case .released: return .answer(.reserveClosed)
        case .rejected(let refusal, _): return .answer(.reserveRejected(refusal))
        }
    }

    private func commitStock() -> ReservationDecision {
        switch self {
        case .none:
            .change(
                to: .released(.neverHeld, linesHash: nil), move: nil,
                answer: .commitRejected(.unknown))
        // A hold past its time but not yet expired commits: the pieces are still set aside, and the
        // job's own change is conditional on HELD.
        case .held(let hash):
            .change(to: .committed(linesHash: hash), move: .commit, answer: .stockCommitted)
        case .committed: .answer(.stockCommitted)
        case .released(.expired, _): .answer(.commitRejected(.expired))
        case .released(.neverHeld, _): .answer(.commitRejected(.unknown))
        case .released(.released, _): .answer(.commitRejected(.released))
        case .released(.restocked, _): .answer(.commitRejected(.released))
        case .rejected: .answer(.commitRejected(.rejected))
        }
    }

    private func release() -> ReservationDecision {
        switch self {
        case .none:
            .change(
                to: .released(.neverHeld, linesHash: nil), move: nil, answer: .released(.nothing))
        case .held(let hash):
            .change(
                to: .released(.released, linesHash: hash), move: .release,
                answer: .released(.released))
        case .committed(let hash):
            .change(
                to: .released(.restocked, linesHash: hash), move: .restock,
                answer: .released(.restocked))
        case .released(.neverHeld, _): .answer(.released(.nothing))
        case .released(.restocked, _): .answer(.released(.restocked))
        case .released(.released, _): .answer(.released(.released))
        case .released(.expired, _): .answer(.released(.released))
        case .rejected: .answer(.released(.nothing))
        }
    }

    private func expire() -> ReservationDecision {
        guard case .held(let hash) = self else { return .ignore }
        return .change(
            to: .released(.expired, linesHash: hash), move: .release, answer: .reservationExpired)
    }

    /// The hash of the lines this reservation was asked for; nil for none and for a tombstone.
    package var linesHash: String? {
        switch self {
        case .none: nil
        case .held(let hash), .committed(let hash), .rejected(_, let hash): hash
        case .released(_, let hash): hash
        }
    }

    /// The `status` column.
    package var status: String {
        switch self {
        case .none: "NONE"
        case .held: "HELD"
        case .committed: "COMMITTED"
        case .released: "RELEASED"
        case .rejected: "REJECTED"
        }
    }
}
