import Basics
import Contracts
import Postgres
import Support
import Testing

@testable import InventoryService

/// What a wrong program tries is refused by the database itself, as the service's own role.
@Suite(.timeLimit(.minutes(2))) struct InventoryConstraintTests {
    /// One attempt: what it does, and the constraint or SQLSTATE that must refuse it. `$O` is an
    /// order that holds 3 of the 10 pieces of SKU A, of which 7 are held (moves 1 to 3); `$N` is one
    /// never heard of.
    static let attempts: [(what: String, refusedBy: String, sql: [String])] = [
        ("stock from nowhere", "stock_agrees_with_moves", ["UPDATE stock SET on_hand = 20"]),
        (
            "a version without a move", "stock_agrees_with_moves",
            ["UPDATE stock SET version = 4"]
        ),
        ("more held than there is", "stock_held_within_on_hand", ["UPDATE stock SET held = 11"]),
        ("a negative hold", "stock_held_check", ["UPDATE stock SET held = -1"]),
        ("a skipped move number", "stock_moves_chain", [move(5, "COMMIT", 3, 7, 4)]),
        ("a move that does not add up", "stock_moves_chain", [move(4, "COMMIT", 3, 8, 4)]),
        ("a second hold", "stock_moves_once", [move(4, "HOLD", 3, 10, 10)]),
        (
            "a commit of another quantity", "stock_moves_undo_what_happened",
            [move(4, "COMMIT", 2, 8, 5)]
        ),
        (
            "a release of another quantity", "stock_moves_undo_what_happened",
            [move(4, "RELEASE", 2, 10, 5)]
        ),
        (
            "a restock without a commit", "stock_moves_undo_what_happened",
            [move(4, "RESTOCK", 3, 13, 7)]
        ),
        (
            "a release after a commit", "stock_moves_one_end_of_a_hold",
            [move(4, "COMMIT", 3, 7, 4), move(5, "RELEASE", 3, 7, 1)]
        ),
        (
            "a hold without lines", "stock_moves_follow_the_reservation",
            [move(4, "HOLD", 1, 10, 8, order: "$N")]
        ),
        ("an illegal edge", "reservation_log_edge", [log(2, "HELD", "REJECTED")]),
        ("an edge from another state", "reservation_log_chain", [log(2, "COMMITTED", "RELEASED")]),
        ("a skipped log number", "reservation_log_chain", [log(3, "HELD", "COMMITTED")]),
        ("a second beginning", "reservation_log_pkey", [log(1, "NONE", "HELD")]),
        (
            "a state that the log does not know", "reservations_agree_with_log",
            ["UPDATE reservations SET status = 'COMMITTED'"]
        ),
        (
            "a first touch that stays", "reservations_agree_with_log",
            ["INSERT INTO reservations (order_id, status, version) VALUES ('$N', 'NONE', 0)"]
        ),
        (
            "an early expiry", "reservations_expiry_is_honest",
            [
                log(2, "HELD", "RELEASED"),
                """
                UPDATE reservations SET status = 'RELEASED', version = 2, reason = 'expired',
                    released_at = clock_timestamp()
                WHERE order_id = '$O'
                """,
            ]
        ),
        (
            "a refusal without evidence", "reservations_refusal_is_evidenced",
            [
                """
                INSERT INTO reservations (order_id, status, version, reason, lines_hash)
                VALUES ('$N', 'REJECTED', 1, 'no_stock', 'h')
                """
            ]
        ),
        ("a move taken back", "42501", ["DELETE FROM stock_moves"]),
        ("a log rewritten", "42501", ["UPDATE reservation_log SET at = now()"]),
        ("lines rewritten", "42501", ["UPDATE reservation_lines SET qty = 1"]),
        ("a reservation forgotten", "42501", ["DELETE FROM reservations"]),
        (
            "a new edge", "42501",
            ["INSERT INTO reservation_edges VALUES ('REJECTED', 'HELD')"]
        ),
    ]

    private static func move(
        _ seq: Int, _ kind: String, _ quantity: Int, _ onHand: Int, _ held: Int,
        order: String = "$O"
    ) -> String {
        """
        INSERT INTO stock_moves (sku, seq, order_id, kind, qty, on_hand_after, held_after)
        VALUES ('A', \(seq), '\(order)', '\(kind)', \(quantity), \(onHand), \(held))
        """
    }

    private static func log(_ seq: Int, _ from: String, _ to: String) -> String {
        """
        INSERT INTO reservation_log (order_id, seq, from_status, to_status)
        VALUES ('$O', \(seq), '\(from)', '\(to)')
        """
    }

    @Test func `every illegal write is refused by its own constraint`() async throws {
        try await InventoryHarness.run { inventory in
            let sku = try #require(SKU("A"))
            let (order, unknown) = (OrderID.make(), OrderID.make())
            try await inventory.article(sku, pieces: 10)
            try await inventory.send(InventoryHarness.reserve([(sku, 3)]), for: order)
            try await inventory.send(InventoryHarness.reserve([(sku, 4)]), for: .make())
            for attempt in Self.attempts {
                do {
                    try await inventory.pool.transaction { transaction in
                        for sql in attempt.sql {
                            let text = sql.replacing("$O", with: "\(order)")
                                .replacing("$N", with: "\(unknown)")
                            try await transaction.execute(Statement(text))
                        }
                    }
                    Issue.record("\(attempt.what) was not refused")
                } catch let error as PostgresError {
                    #expect(
                        error.constraint == attempt.refusedBy
                            || error.sqlState == attempt.refusedBy,
                        "\(attempt.what): \(error)")
                }
            }
            #expect(
                try await inventory.stock(sku) == StockLevel(onHand: 10, held: 7, version: 3))
        }
    }

    @Test func `not even the owner rewrites history`() async throws {
        try await InventoryHarness.run { inventory in
            for table in [
                "stock_moves", "reservation_log", "reservation_lines", "reservations",
            ] {
                await #expect(throws: (any Error).self) {
                    try await inventory.database.asSuperuser("TRUNCATE \(table) CASCADE")
                }
            }
        }
    }
}
