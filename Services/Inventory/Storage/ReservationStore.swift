import Basics
import Contracts
package import Messaging
import Postgres

/// Carries the domain's decision out, inside the caller's transaction and in two round trips: one
/// takes every lock and reads, one writes everything, the reply included.
package struct ReservationStore: Sendable {
    private let outbox: Outbox

    package init(outbox: Outbox) { self.outbox = outbox }

    /// What was read under the locks.
    struct Locked {
        let order: OrderID
        let reservation: LockedReservation
        /// The lines of the command, or those of the order's own reservation.
        let lines: [ReservationLine]
        let stock: [SKU: StockLevel]
    }

    /// Locks for a Reserve: the order's row, then the rows of the SKUs it asks for.
    func lock(_ order: OrderID, asking lines: [ReservationLine], in transaction: Transaction)
        async throws -> Locked
    {
        let results = try await transaction.pipeline([
            ReservationSQL.touch(order), ReservationSQL.lock(order),
            ReservationSQL.lockStock(lines.map(\.sku)),
        ])
        let stock = try results[2].rows.map(StockLevel.read)
        return Locked(
            order: order, reservation: try Self.only(results[1]), lines: lines,
            stock: Dictionary(stock) { first, _ in first })
    }

    /// Locks for everything else: the order's row, then the rows of the SKUs that it holds.
    func lock(_ order: OrderID, in transaction: Transaction) async throws -> Locked {
        let results = try await transaction.pipeline([
            ReservationSQL.touch(order), ReservationSQL.lock(order),
            ReservationSQL.lockLines(order),
        ])
        return Locked(
            order: order, reservation: try Self.only(results[1]),
            lines: try results[2].rows.map(ReservationLine.init), stock: [:])
    }

    private static func only(_ result: QueryResult) throws -> LockedReservation {
        guard let row = result.rows.first else {
            throw CorruptRow(table: "reservations", detail: "the row just touched is missing")
        }
        return try LockedReservation(row)
    }

    /// A change to write, with everything that belongs into the same transaction.
    struct Change {
        let to: Reservation
        let move: MoveKind?
        /// The command's message id; nil when the expiry job is the cause.
        let cause: UniqueID?
        let ttlSeconds: Int64?
        let message: OutgoingMessage
    }

    func write(_ change: Change, to locked: Locked, in transaction: Transaction) async throws {
        let seq = locked.reservation.version + 1
        var statements: [Statement] = []
        if locked.reservation.state == .none, !locked.lines.isEmpty {
            statements.append(ReservationSQL.insertLines(locked.order, locked.lines))
        }
        let moveAt = statements.count
        if let move = change.move {
            statements.append(ReservationSQL.move(move, order: locked.order, locked.lines))
        }
        statements += [
            ReservationSQL.log(
                locked.order, seq: seq, from: locked.reservation.state, to: change.to,
                cause: change.cause),
            ReservationSQL.save(
                locked.order, seq: seq, change.to, ttlSeconds: change.ttlSeconds),
            Outbox.statement(for: change.message),
        ]
        let results = try await transaction.pipeline(statements)
        // Rows are locked and were judged, so this cannot differ; if it does, nothing may commit.
        guard change.move == nil || results[moveAt].affected == locked.lines.count else {
            throw CorruptRow(table: "stock", detail: "a line could not be moved under its lock")
        }
        outbox.wakeAfter(transaction)
    }

    /// The same answer again: only the reply is written.
    func answer(_ message: OutgoingMessage, in transaction: Transaction) async throws {
        try await outbox.append([message], in: transaction)
    }
}
