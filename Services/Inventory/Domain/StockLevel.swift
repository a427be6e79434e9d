package import Basics

/// What is on the shelf for one SKU, as read under the row's lock.
package struct StockLevel: Sendable, Equatable {
    package let onHand: Int64
    package let held: Int64
    /// The seq of the SKU's newest stock move; 0 while there is none.
    package let version: Int64

    package init(onHand: Int64, held: Int64, version: Int64) {
        self.onHand = onHand
        self.held = held
        self.version = version
    }

    /// Pieces that nobody holds. Never negative: `held <= on_hand` is a constraint of the table.
    package var available: Int64 { onHand - held }
}

/// One line of a reservation.
package struct ReservationLine: Sendable, Equatable {
    package let sku: SKU
    package let quantity: Int64

    package init(sku: SKU, quantity: Int64) {
        self.sku = sku
        self.quantity = quantity
    }
}

/// The kinds of rows in `stock_moves`, and what each does to the two counters per piece.
package enum MoveKind: String, Sendable, CaseIterable {
    case hold = "HOLD"
    case commit = "COMMIT"
    case release = "RELEASE"
    case restock = "RESTOCK"
    case receipt = "RECEIPT"

    package var onHandPerPiece: Int64 {
        switch self {
        case .hold, .release: 0
        case .commit: -1
        case .restock, .receipt: 1
        }
    }

    package var heldPerPiece: Int64 {
        switch self {
        case .hold: 1
        case .commit, .release: -1
        case .restock, .receipt: 0
        }
    }
}

/// Why a reservation was refused, with what was seen: invariant 16 replays it.
package enum Refusal: Sendable, Equatable {
    case noStock(sku: SKU, available: Int64, stockVersion: Int64)
    case unknownSKU(sku: SKU)
}

/// All lines or none (D17): the first line, in SKU order, that cannot be served refuses the order.
/// An unknown SKU is named before a missing piece, because waiting would not cure it.
///
/// Returns nil when every line can be held.
package func refusal(of lines: [ReservationLine], stock: [SKU: StockLevel]) -> Refusal? {
    let ordered = lines.sorted { $0.sku < $1.sku }
    for line in ordered where stock[line.sku] == nil { return .unknownSKU(sku: line.sku) }
    for line in ordered {
        guard let level = stock[line.sku], level.available < line.quantity else { continue }
        return .noStock(
            sku: line.sku, available: level.available, stockVersion: level.version)
    }
    return nil
}
