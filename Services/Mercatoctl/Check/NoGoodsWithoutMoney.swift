import Basics

extension Invariant {
    /// 3: every confirmed order was charged, by the provider's own journal.
    static let noGoodsWithoutMoney = Invariant(3, "no goods without money") { state in
        let captures = state.captures
        return state.checkoutStates.compactMap { order, status in
            guard status == "CONFIRMED", captures[order.description] == nil else { return nil }
            return Finding(3, order.description, "is CONFIRMED, but the provider never charged it")
        }
    }
}
