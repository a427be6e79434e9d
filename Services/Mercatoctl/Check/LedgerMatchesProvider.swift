import Basics

extension Invariant {
    /// 4: what the ledger says the provider owes us is what the provider's journal says, in total
    /// and order by order, each currency by itself.
    static let ledgerMatchesProvider = Invariant(4, "ledger equals the provider's journal") { state in
        struct Account: Hashable {
            let order: String
            let currency: String
        }
        var provider: [Account: Int64] = [:]
        for line in state.journal {
            let account = Account(order: line.reference, currency: line.currency)
            if line.isCapture { provider[account, default: 0] += line.amount }
            if line.isRefund { provider[account, default: 0] -= line.amount }
        }
        var ledger: [Account: Int64] = [:]
        for transfer in state.transfers {
            let account = Account(order: transfer.order.description, currency: transfer.currency)
            if transfer.debit.hasPrefix(clearing) { ledger[account, default: 0] += transfer.amount }
            if transfer.credit.hasPrefix(clearing) { ledger[account, default: 0] -= transfer.amount }
        }
        return Set(provider.keys).union(ledger.keys).compactMap { account in
            let (ours, theirs) = (ledger[account] ?? 0, provider[account] ?? 0)
            return ours == theirs
                ? nil
                : Finding(
                    4, account.order,
                    "the ledger has \(ours) \(account.currency), the provider \(theirs)")
        }
    }

    /// Accounts are named `kind` or `kind:currency`.
    private static let clearing = "provider_clearing"
}
