import Basics

extension Invariant {
    /// 6: a finished order holds no money: its ledger holds are posted or voided, and each
    /// authorization in the provider's journal was captured or voided.
    static let noDanglingHold = Invariant(6, "no dangling hold on a finished order") { state in
        var open: [String: Int64] = [:]
        for transfer in state.transfers {
            switch transfer.code {
            case "HOLD": open[transfer.order.description, default: 0] += transfer.amount
            case "POST", "VOID": open[transfer.order.description, default: 0] -= transfer.amount
            default: break
            }
        }
        let journal = Dictionary(grouping: state.journal, by: \.reference)
        return state.checkoutStates.flatMap { order, status -> [Finding] in
            guard AuditState.Saga.terminal.contains(status) else { return [] }
            let id = order.description
            var findings: [Finding] = []
            if let rest = open[id], rest != 0 {
                findings.append(Finding(6, id, "is \(status), but its ledger still holds \(rest)"))
            }
            let lines = journal[id] ?? []
            let approved = lines.count(where: \.isApproval)
            let ended = Set(lines.filter { $0.isCapture || $0.isVoid }.map {
                $0.authorization ?? $0.key
            }).count
            if approved > ended {
                findings.append(
                    Finding(6, id, "is \(status), but the provider still holds an authorization"))
            }
            return findings
        }
    }
}
