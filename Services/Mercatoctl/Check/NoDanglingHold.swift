import Basics

extension Invariant {
    /// 6: a finished order holds no money: its ledger holds are posted or voided, and each
    /// authorization in the provider's journal was captured or voided. Nor does an order that does
    /// not exist, or that has no saga to end what was begun.
    static let noDanglingHold = Invariant(6, "no dangling hold on a finished order") { state in
        var held: [String: Int64] = [:]
        for transfer in state.transfers {
            switch transfer.code {
            case "HOLD": held[transfer.order.description, default: 0] += transfer.amount
            case "POST", "VOID": held[transfer.order.description, default: 0] -= transfer.amount
            default: break
            }
        }
        let open = Dictionary(grouping: state.journal, by: \.reference).filter { hasOpen($0.value) }
        let states = state.checkoutStates
        return Set(held.keys).union(open.keys).flatMap { reference -> [Finding] in
            let order = UniqueID(reference).flatMap { state.orders[$0] }
            let status = UniqueID(reference).flatMap { states[$0] }
            if let status, !AuditState.Saga.terminal.contains(status) { return [] }
            let what = status.map { "is \($0)" } ?? (order == nil ? "is no order" : "has no saga")
            var findings: [Finding] = []
            if let rest = held[reference], rest != 0 {
                findings.append(Finding(6, reference, "\(what), but its ledger still holds \(rest)"))
            }
            if open[reference] != nil {
                findings.append(
                    Finding(6, reference, "\(what), but the provider still holds an authorization"))
            }
            return findings
        }
    }

    /// Whether more authorizations of one reference were approved than captured or voided.
    private static func hasOpen(_ lines: [AuditState.JournalLine]) -> Bool {
        let ended = Set(lines.filter { $0.isCapture || $0.isVoid }.map { $0.authorization ?? $0.key })
        return lines.count(where: \.isApproval) > ended.count
    }
}
