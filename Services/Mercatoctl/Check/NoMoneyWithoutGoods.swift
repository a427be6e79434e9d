import Basics

extension Invariant {
    /// 2: whoever was charged has a confirmed order, or got everything back.
    static let noMoneyWithoutGoods = Invariant(2, "no money without goods") { state in
        let states = state.checkoutStates
        let refunded = Dictionary(grouping: state.journal.filter(\.isRefund), by: \.reference)
            .mapValues { $0.reduce(0) { $0 + $1.amount } }
        return state.captures.compactMap { reference, captures in
            let captured = captures.reduce(0) { $0 + $1.amount }
            if refunded[reference] == captured { return nil }
            guard let order = captures.first.flatMap(state.order(of:)) else {
                return Finding(2, reference, "was charged \(captured), but there is no such order")
            }
            guard let status = states[order.id] else {
                return Finding(2, reference, "was charged \(captured), but has no saga to confirm it")
            }
            // A capture in doubt is the pivot: an open saga will still confirm it (D11).
            guard AuditState.Saga.terminal.contains(status), status != "CONFIRMED" else {
                return nil
            }
            return Finding(2, reference, "was charged \(captured), but is \(status)")
        }
    }
}
