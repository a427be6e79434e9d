package import Basics
package import Postgres

/// Goods that came in. A receipt has an id from its writer and counts once, however often it is
/// written.
package struct Receipt: Sendable, Equatable {
    package static let quantityRange: ClosedRange<Int64> = 1...1_000_000_000

    package let id: UniqueID
    package let sku: SKU
    package let quantity: Int64

    package init(id: UniqueID, sku: SKU, quantity: Int64) {
        self.id = id
        self.sku = sku
        self.quantity = quantity
    }
}

package enum ReceiptOutcome: Sendable, Equatable {
    /// Booked now or before: what was on hand afterwards, and the move's number.
    case booked(onHandAfter: Int64, seq: Int64, isNew: Bool)
    /// The id belongs to another receipt.
    case differs
    case unknownSKU
}

package struct ReceiptStore: Sendable {
    private let pool: Pool

    package init(pool: Pool) { self.pool = pool }

    package func book(_ receipt: Receipt) async throws -> ReceiptOutcome {
        do {
            return try await attempt(receipt)
        } catch let error as PostgresError
            where error.isUniqueViolation(of: "stock_moves_receipt_id_key")
        {
            // Only twins that name different SKUs lock different rows and meet at the index; the
            // one that lost finds the other's row now.
            return try await attempt(receipt)
        }
    }

    private func attempt(_ receipt: Receipt) async throws -> ReceiptOutcome {
        try await pool.transaction(.init("book receipt")) { transaction in
            let results = try await transaction.pipeline([
                ReservationSQL.lockStock([receipt.sku]),
                Statement(
                    """
                    SELECT sku, seq, qty, on_hand_after FROM stock_moves WHERE receipt_id = $1
                    """, [.id(receipt.id)]),
            ])
            if let known = results[1].rows.first {
                guard try known.text("sku") == receipt.sku.text,
                    try known.integer("qty") == receipt.quantity
                else { return .differs }
                return .booked(
                    onHandAfter: try known.integer("on_hand_after"),
                    seq: try known.integer("seq"), isNew: false)
            }
            guard results[0].rows.count == 1 else { return .unknownSKU }
            let booked = try await transaction.query(
                Statement(
                    """
                    WITH moved AS (
                        UPDATE stock SET on_hand = on_hand + $2::bigint, version = version + 1
                        WHERE sku = $1 RETURNING sku, version, on_hand, held
                    )
                    INSERT INTO stock_moves
                        (sku, seq, kind, qty, on_hand_after, held_after, receipt_id)
                    SELECT sku, version, 'RECEIPT', $2::bigint, on_hand, held, $3::uuid FROM moved
                    RETURNING seq, on_hand_after
                    """,
                    [.text(receipt.sku.text), .integer(receipt.quantity), .id(receipt.id)]))
            guard let row = booked.first else { return .unknownSKU }
            return .booked(
                onHandAfter: try row.integer("on_hand_after"), seq: try row.integer("seq"),
                isNew: true)
        }
    }
}
