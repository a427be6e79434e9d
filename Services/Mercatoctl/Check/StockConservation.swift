extension Invariant {
    /// 11: the moves of a product, replayed in their order, give every `*_after` and the stock.
    static let stockConservation = Invariant(11, "stock is conserved, move by move") { state in
        let moves = Dictionary(grouping: state.moves, by: \.sku)
        return Set(moves.keys).union(state.stock.keys).compactMap { sku in
            replay(sku, (moves[sku] ?? []).sorted { $0.seq < $1.seq }, state.stock[sku])
        }
    }

    private static func replay(
        _ sku: String, _ moves: [AuditState.Move], _ stock: AuditState.Stock?
    ) -> Finding? {
        var onHand: Int64 = 0
        var held: Int64 = 0
        for (index, move) in moves.enumerated() {
            guard move.seq == Int64(index) + 1 else {
                return Finding(11, sku, "move \(index + 1) is missing, the next is \(move.seq)")
            }
            switch move.kind {
            case "RECEIPT", "RESTOCK": onHand += move.quantity
            case "COMMIT":
                onHand -= move.quantity
                held -= move.quantity
            case "HOLD": held += move.quantity
            case "RELEASE": held -= move.quantity
            default: return Finding(11, sku, "move \(move.seq) is of unknown kind \(move.kind)")
            }
            if onHand != move.onHandAfter || held != move.heldAfter {
                return Finding(
                    11, sku, "after move \(move.seq) there are \(onHand) (\(held) held), "
                        + "written is \(move.onHandAfter) (\(move.heldAfter) held)")
            }
        }
        guard let stock else { return Finding(11, sku, "has moves but no stock row") }
        return stock.onHand == onHand
            ? nil : Finding(11, sku, "its moves leave \(onHand), its stock row says \(stock.onHand)")
    }
}
