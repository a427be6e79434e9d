import Basics

extension Invariant {
    /// 4: what the ledger says the provider owes us is what the provider's journal says, in total
    /// and order by order.
    static let ledgerMatchesProvider = Invariant(4, "ledger equals the provider's journal") { state in
        var provider: [String: Int64] = [:]
        for line in state.journal {
            if line.isCapture { provider[line.reference, default: 0] += line.amount }
            if line.isRefund { provider[line.reference, default: 0] -= line.amount }
        }
        var ledger: [String: Int64] = [:]
        for transfer in state.transfers {
            let order = transfer.order.description
            if transfer.debit.hasPrefix(clearing) { ledger[order, default: 0] += transfer.amount }
            if transfer.credit.hasPrefix(clearing) { ledger[order, default: 0] -= transfer.amount }
        }
        return Set(provider.keys).union(ledger.keys).compactMap { order in
            let (ours, theirs) = (ledger[order] ?? 0, provider[order] ?? 0)
            return ours == theirs
                ? nil : Finding(4, order, "the ledger has \(ours), the provider \(theirs)")
        }
    }

    /// Accounts are named `kind` or `kind:currency`.
    private static let clearing = "provider_clearing"
}
