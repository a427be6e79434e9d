extension Invariant {
    /// 1: each order is charged at most once, and its exact total.
    static let oneCapture = Invariant(1, "one capture per order, of exactly its total") { state in
        state.captures.flatMap { reference, captures -> [Finding] in
            if captures.count > 1 {
                return [Finding(1, reference, "captured \(captures.count) times")]
            }
            guard let capture = captures.first, let order = state.order(of: capture),
                capture.amount != order.total || capture.currency != order.currency
            else { return [] }
            return [
                Finding(
                    1, reference, "captured \(capture.amount) \(capture.currency), the order's "
                        + "total is \(order.total) \(order.currency)")
            ]
        }
    }
}
