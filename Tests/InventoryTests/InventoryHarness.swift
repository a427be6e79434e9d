import Basics
import Contracts
import Messaging
import Postgres
import Sockets
import Support
import Telemetry

@testable import InventoryService

/// Inventory's handler on a database of its own, with every message delivered as the consumer does:
/// inbox row first, then the handler, in one transaction.
struct InventoryHarness: Sendable {
    let loop: EventLoop
    let database: ScratchDatabase
    let pool: Pool
    let store: ReservationStore
    let handler: InventoryCommandHandler
    let metrics: MetricsRegistry

    static func run(
        connections: Int = 8, _ body: @escaping @Sendable (InventoryHarness) async throws -> Void
    ) async throws {
        let database = try await ScratchPostgres.shared.database("inventory")
        try await TestLoop.run { loop in
            try await Migrator.migrate(
                ownerConnection: database.ownerConninfo,
                migrations: ServiceMessaging.migrations + InventorySchema.migrations, loop: loop,
                logger: QuietLog.logger())
            let metrics = QuietLog.metrics()
            let pool = Pool(
                configuration: PoolConfiguration(
                    conninfo: database.appConninfo, sizeMax: connections, minimum: 0,
                    acquireTimeout: .seconds(20)),
                loop: loop, logger: QuietLog.logger(), metrics: metrics)
            let store = ReservationStore(outbox: Outbox(wake: {}))
            try await body(
                InventoryHarness(
                    loop: loop, database: database, pool: pool, store: store,
                    handler: InventoryCommandHandler(store: store, metrics: metrics),
                    metrics: metrics))
            await pool.close()
        }
    }

    // MARK: Articles

    func article(_ sku: SKU, pieces: Int64) async throws {
        try await ProductStore(pool: pool).put(
            ProductDraft(
                sku: sku, name: "Article \(sku)", description: "",
                price: Money(minor: 1_200, currency: .eur), image: "", active: true))
        guard pieces > 0 else { return }
        _ = try await ReceiptStore(pool: pool).book(
            Receipt(id: .v7(), sku: sku, quantity: pieces))
    }

    func stock(_ sku: SKU) async throws -> StockLevel {
        let rows = try await pool.query(
            Statement(
                "SELECT sku, on_hand, held, version FROM stock WHERE sku = $1", [.text(sku.text)]))
        guard let row = rows.first else { throw CorruptRow(table: "stock", detail: "no row") }
        return try StockLevel.read(row).1
    }

    // MARK: Messages

    struct Reply: Equatable {
        let type: String
        let payload: String
        let step: String?
        let stepSequence: String?
        let topic: String
    }

    static func reserve(_ lines: [(SKU, Int)], ttl: Int64 = 900, hash: String = "hash")
        -> InventoryCommands.Reserve
    {
        InventoryCommands.Reserve(
            lines: lines.map { Line(sku: $0.0, quantity: $0.1) }, linesHash: hash, ttlSeconds: ttl)
    }

    /// Delivers a command; the answers are the outbox rows that it caused.
    @discardableResult
    func send<C: CommandPayload>(
        _ command: C, for order: OrderID, id: UniqueID = .v7(), stepSequence: Int64 = 1
    ) async throws -> [Reply] {
        let envelope = Envelope(
            messageID: id, type: C.type, version: C.version, orderID: order, step: C.step,
            stepSequence: stepSequence, causationID: .v7())
        try await deliver(
            IncomingMessage(envelope: envelope, payload: try PayloadCoding.encode(command)))
        return try await replies(causedBy: id)
    }

    func deliver(_ message: IncomingMessage) async throws {
        try await pool.transaction { transaction in
            guard
                try await Inbox(consumer: "inventory")
                    .firstSight(of: message.envelope.messageID, in: transaction)
            else { return }
            try await handler.handle(message, in: transaction)
        }
    }

    func replies(causedBy id: UniqueID) async throws -> [Reply] {
        try await pool.query(
            Statement(
                """
                SELECT type, convert_from(payload, 'UTF8') AS payload, topic,
                    (SELECT h ->> 1 FROM jsonb_array_elements(headers) AS h
                     WHERE h ->> 0 = 'step') AS step,
                    (SELECT h ->> 1 FROM jsonb_array_elements(headers) AS h
                     WHERE h ->> 0 = 'step-seq') AS step_seq
                FROM outbox WHERE causation_id = $1 ORDER BY seq
                """, [.id(id)])
        ).map {
            Reply(
                type: try $0.text("type"), payload: try $0.text("payload"),
                step: try $0.optionalText("step"), stepSequence: try $0.optionalText("step_seq"),
                topic: try $0.text("topic"))
        }
    }

    // MARK: Judging

    func status(of order: OrderID) async throws -> [String?] {
        let rows = try await pool.query(
            Statement(
                "SELECT status, reason FROM reservations WHERE order_id = $1",
                [.id(order.value)]))
        guard let row = rows.first else { return [] }
        return [try row.text("status"), try row.optionalText("reason")]
    }

    /// Invariants 11, 13 and 14 by replaying the moves; offending SKUs, which must be none.
    func offenders() async throws -> [String] {
        try await pool.query(
            Statement(
                """
                WITH replay AS (
                    SELECT sku, seq, on_hand_after, held_after,
                        sum(CASE kind WHEN 'RECEIPT' THEN qty WHEN 'RESTOCK' THEN qty
                            WHEN 'COMMIT' THEN -qty ELSE 0 END) OVER w AS on_hand,
                        sum(CASE kind WHEN 'HOLD' THEN qty WHEN 'COMMIT' THEN -qty
                            WHEN 'RELEASE' THEN -qty ELSE 0 END) OVER w AS held,
                        row_number() OVER w AS number
                    FROM stock_moves WINDOW w AS (PARTITION BY sku ORDER BY seq)
                ), lines AS (
                    SELECT sku,
                        sum(qty) FILTER (WHERE status = 'HELD') AS held,
                        sum(qty) FILTER (WHERE status = 'COMMITTED') AS committed
                    FROM reservation_lines JOIN reservations USING (order_id) GROUP BY sku
                )
                SELECT sku FROM replay
                WHERE on_hand <> on_hand_after OR held <> held_after OR seq <> number
                    OR held > on_hand OR held < 0
                UNION
                SELECT s.sku FROM stock AS s LEFT JOIN lines AS l ON l.sku = s.sku
                WHERE s.held <> coalesce(l.held, 0)
                   OR coalesce(l.committed, 0) > (SELECT coalesce(sum(qty), 0) FROM stock_moves AS m
                        WHERE m.sku = s.sku AND kind = 'RECEIPT')
                ORDER BY 1
                """)
        ).map { try $0.text("sku") }
    }
}
