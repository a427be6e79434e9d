extension Invariant {
    /// 13: what a product holds is the sum of the held reservations' lines, within what is there.
    static let heldMatchesReservations = Invariant(13, "held stock is what reservations hold") { state in
        var held: [String: Int64] = [:]
        for reservation in state.reservations.values where reservation.status == "HELD" {
            for (sku, quantity) in state.reservationLines[reservation.order] ?? [:] {
                held[sku, default: 0] += quantity
            }
        }
        let skus = Set(held.keys).union(state.stock.keys)
        let levels = skus.compactMap { sku -> Finding? in
            let stock = state.stock[sku] ?? .init(onHand: 0, held: 0, version: 0)
            let expected = held[sku] ?? 0
            if stock.held != expected {
                return Finding(13, sku, "holds \(stock.held), reservations hold \(expected)")
            }
            return stock.held < 0 || stock.held > stock.onHand
                ? Finding(13, sku, "holds \(stock.held) of \(stock.onHand)") : nil
        }
        let moves = state.moves.filter { $0.heldAfter < 0 || $0.heldAfter > $0.onHandAfter }
        return levels
            + moves.map {
                Finding(13, $0.sku, "held \($0.heldAfter) of \($0.onHandAfter) after move \($0.seq)")
            }
    }
}
