import Basics
import Postgres
import Telemetry

/// The statements of a reservation's life. Lock order is fixed (D18): the reservation's row, then
/// the stock rows in ascending SKU order; every path that writes takes both in that order.
enum ReservationSQL {
    /// The first touch makes the row, so its primary key is the lock of an order never heard of. A
    /// row left at NONE cannot be committed (foreign key to the log).
    static func touch(_ order: OrderID) -> Statement {
        Statement(
            """
            INSERT INTO reservations (order_id, status, version) VALUES ($1, 'NONE', 0)
            ON CONFLICT (order_id) DO NOTHING
            """, [.id(order.value)])
    }

    static func lock(_ order: OrderID) -> Statement {
        Statement(
            """
            SELECT status, version, reason, lines_hash, rejected_sku, available_seen,
                   stock_version_seen
            FROM reservations WHERE order_id = $1 FOR UPDATE
            """, [.id(order.value)])
    }

    /// Locks the rows of the SKUs that a Reserve names. `ORDER BY` is below the row lock in the
    /// plan, so locks are taken in that order; rows of unknown SKUs are simply missing.
    static func lockStock(_ skus: [SKU]) -> Statement {
        Statement(
            """
            SELECT sku, on_hand, held, version FROM stock WHERE sku = ANY ($1)
            ORDER BY sku FOR UPDATE
            """, [.texts(skus.map(\.text))])
    }

    /// The lines of an order that was reserved before, with their stock rows locked in SKU order.
    static func lockLines(_ order: OrderID) -> Statement {
        Statement(
            """
            SELECT stock.sku, line.qty
            FROM reservation_lines AS line JOIN stock ON stock.sku = line.sku
            WHERE line.order_id = $1 ORDER BY stock.sku FOR UPDATE OF stock
            """, [.id(order.value)])
    }

    static func insertLines(_ order: OrderID, _ lines: [ReservationLine]) -> Statement {
        Statement(
            """
            INSERT INTO reservation_lines (order_id, sku, qty)
            SELECT $1::uuid, line.sku, line.qty FROM unnest($2::text[], $3::bigint[]) AS line (sku, qty)
            """,
            [
                .id(order.value), .texts(lines.map(\.sku.text)),
                .integers(lines.map(\.quantity)),
            ])
    }

    /// Counters and moves of all lines in one statement. The update is conditional although the rows
    /// are locked: a program that forgot the lock still cannot oversell. It affects one row for each
    /// line, or the caller must not commit.
    static func move(_ kind: MoveKind, order: OrderID, _ lines: [ReservationLine]) -> Statement {
        Statement(
            """
            WITH line AS (
                SELECT * FROM unnest($3::text[], $4::bigint[]) AS line (sku, qty)
            ), moved AS (
                UPDATE stock SET
                    on_hand = stock.on_hand + line.qty * $5::bigint,
                    held = stock.held + line.qty * $6::bigint,
                    version = stock.version + 1
                FROM line
                WHERE stock.sku = line.sku
                  AND ($2::text <> 'HOLD' OR stock.on_hand - stock.held >= line.qty)
                RETURNING stock.sku, stock.version, line.qty, stock.on_hand, stock.held
            )
            INSERT INTO stock_moves (order_id, kind, sku, seq, qty, on_hand_after, held_after)
            SELECT $1::uuid, $2::text, sku, version, qty, on_hand, held FROM moved
            """,
            [
                .id(order.value), .text(kind.rawValue), .texts(lines.map(\.sku.text)),
                .integers(lines.map(\.quantity)), .integer(kind.onHandPerPiece),
                .integer(kind.heldPerPiece),
            ])
    }

    static func log(
        _ order: OrderID, seq: Int64, from: Reservation, to: Reservation, cause: UniqueID?
    ) -> Statement {
        Statement(
            """
            INSERT INTO reservation_log (order_id, seq, from_status, to_status, cause_message_id)
            VALUES ($1, $2, $3, $4, $5)
            """,
            [
                .id(order.value), .integer(seq), .text(from.status), .text(to.status),
                cause.map { .id($0) } ?? .null,
            ])
    }

    /// Writes the new state. All times are the database's, so that no other clock can make a hold
    /// look older than it is (invariant 35).
    static func save(
        _ order: OrderID, seq: Int64, _ state: Reservation, ttlSeconds: Int64?
    ) -> Statement {
        let key: [Parameter] = [.id(order.value), .integer(seq)]
        switch state {
        case .none:
            // Nothing leads back to NONE; the version 0 of a fresh row stays what it is.
            return touch(order)
        case .held(let hash):
            return Statement(
                """
                UPDATE reservations SET status = 'HELD', version = $2, lines_hash = $3,
                    held_at = clock_timestamp(), ttl = $4::bigint * interval '1 second',
                    traceparent = $5
                WHERE order_id = $1
                """,
                key + [
                    .text(hash), .integer(ttlSeconds ?? 0),
                    .optional(TraceContext.current) { .text($0.traceparent) },
                ])
        case .committed:
            return Statement(
                "UPDATE reservations SET status = 'COMMITTED', version = $2 WHERE order_id = $1",
                key)
        case .released(let reason, _):
            return Statement(
                """
                UPDATE reservations SET status = 'RELEASED', version = $2, reason = $3,
                    released_at = clock_timestamp()
                WHERE order_id = $1
                """, key + [.text(reason.rawValue)])
        case .rejected(.noStock(let sku, let available, let stockVersion), let hash):
            return Statement(
                """
                UPDATE reservations SET status = 'REJECTED', version = $2, reason = 'no_stock',
                    lines_hash = $3, rejected_sku = $4, available_seen = $5,
                    stock_version_seen = $6
                WHERE order_id = $1
                """,
                key + [
                    .text(hash), .text(sku.text), .integer(available), .integer(stockVersion),
                ])
        case .rejected(.unknownSKU(let sku), let hash):
            return Statement(
                """
                UPDATE reservations SET status = 'REJECTED', version = $2,
                    reason = 'unknown_sku', lines_hash = $3, rejected_sku = $4
                WHERE order_id = $1
                """, key + [.text(hash), .text(sku.text)])
        }
    }
}
