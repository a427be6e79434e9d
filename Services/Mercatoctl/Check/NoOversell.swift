extension Invariant {
    /// 14: no more was sold of a product than was ever delivered.
    static let noOversell = Invariant(14, "no product is oversold") { state in
        var received: [String: Int64] = [:]
        for move in state.moves where move.kind == "RECEIPT" {
            received[move.sku, default: 0] += move.quantity
        }
        var sold: [String: Int64] = [:]
        for reservation in state.reservations.values where reservation.status == "COMMITTED" {
            for (sku, quantity) in state.reservationLines[reservation.order] ?? [:] {
                sold[sku, default: 0] += quantity
            }
        }
        return sold.compactMap { sku, quantity in
            let delivered = received[sku] ?? 0
            return quantity <= delivered
                ? nil : Finding(14, sku, "sold \(quantity), delivered were only \(delivered)")
        }
    }
}
