import Basics

extension Invariant {
    /// 12: a cancelled order left nothing behind at the participants; a confirmed one took exactly
    /// what was ordered. Inventory never answers a cancelled order's last command without a row, be
    /// it a tombstone: without one, a late Reserve could still take stock.
    static let noOrphanHold = Invariant(12, "finished orders leave no orphan at a participant") { state in
        state.checkoutStates.flatMap { order, status -> [Finding] in
            switch status {
            case "CANCELLED": cancelled(order, state)
            case "CONFIRMED": confirmed(order, state)
            default: []
            }
        }
    }

    private static func cancelled(_ order: UniqueID, _ state: AuditState) -> [Finding] {
        var findings: [Finding] = []
        let reservation = state.reservations[order]?.status ?? "none"
        if !["RELEASED", "REJECTED"].contains(reservation) {
            findings.append(
                Finding(12, order.description, "is CANCELLED, its reservation \(reservation)"))
        }
        let payment = state.payments[order]?.status ?? "none"
        if !["VOIDED", "DECLINED", "none"].contains(payment) {
            findings.append(Finding(12, order.description, "is CANCELLED, its payment \(payment)"))
        }
        return findings
    }

    private static func confirmed(_ order: UniqueID, _ state: AuditState) -> [Finding] {
        let reservation = state.reservations[order]?.status ?? "none"
        guard reservation == "COMMITTED" else {
            return [
                Finding(12, order.description, "is CONFIRMED, its reservation \(reservation)")
            ]
        }
        guard state.reservationLines[order] == state.orderLines[order] else {
            return [Finding(12, order.description, "is CONFIRMED with other lines than reserved")]
        }
        return []
    }
}
