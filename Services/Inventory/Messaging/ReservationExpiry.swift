package import Basics
import Contracts
import Messaging
package import Postgres
import ServiceKit
package import Sockets
package import Telemetry

/// Frees holds that outlived their time, and tells the order (`ReservationExpired` is a hint: what
/// stops a sale is the state itself, which CommitStock meets).
///
/// Only the database's clock judges (D10, invariant 35). Several instances may run at once: a row
/// that another one is freeing is skipped.
package struct ReservationExpiry: LongRunning {
    package let name = "reservation expiry"

    private let pool: Pool
    private let store: ReservationStore
    private let loop: EventLoop
    private let logger: Logger
    private let expired: Counter
    private let scanInterval: Duration
    private let batchMax: Int
    private let random: RandomSource
    private let tracer: Tracer

    package init(
        pool: Pool, store: ReservationStore, loop: EventLoop, logger: Logger,
        metrics: MetricsRegistry, scanInterval: Duration, batchMax: Int = 100,
        random: RandomSource = .system, tracer: Tracer = .disabled
    ) {
        self.pool = pool
        self.store = store
        self.loop = loop
        self.logger = logger
        self.scanInterval = scanInterval
        self.batchMax = batchMax
        self.random = random
        self.tracer = tracer
        expired = metrics.counter(
            "mercato_inventory_reservations_expired_total",
            help: "Holds freed because their time to live had passed.")
    }

    package func run() async throws {
        while true {
            try await loop.sleep(for: await scan())
        }
    }

    /// Frees what is due, and tells how long to wait before the next look.
    func scan() async -> Duration {
        do {
            var freed = 0
            while freed < batchMax, try await freeOne() { freed += 1 }
            if freed == batchMax { return .zero }
            return try await untilNext()
        } catch {
            logger.warning("reservations not expired", ["error": .init(describing: error)])
            return scanInterval
        }
    }

    /// One reservation in one transaction, so that no two orders' stock rows are ever locked in an
    /// order that another transaction might reverse. Returns false when none is due.
    func freeOne() async throws -> Bool {
        let freed = try await pool.transaction { transaction in
            guard let due = try await transaction.query(Self.claim).first else { return false }
            let order = OrderID(try due.id("order_id"))
            // The hold is the checkout's, so its end belongs to the checkout's trace.
            return try await tracer.withSpan(
                "reservation expiry", resuming: try due.optionalText("traceparent"),
                attributes: ["mercato.order_id": .string("\(order)")]
            ) { try await free(order, cause: try due.id("cause"), in: transaction) }
        }
        if freed { expired.increment() }
        return freed
    }

    private func free(_ order: OrderID, cause: UniqueID, in transaction: Transaction) async throws
        -> Bool
    {
        let locked = try await store.lock(order, in: transaction)
        guard case .change(let next, let move, _) = locked.reservation.state.decide(.expire) else {
            return false
        }
        let change = ReservationStore.Change(
            to: next, move: move, cause: nil, ttlSeconds: nil,
            message: try .notice(
                InventoryReplies.ReservationExpired(), to: Topics.orderReplies, orderID: order,
                cause: cause, random: random))
        try await store.write(change, to: locked, in: transaction)
        return true
    }

    /// The oldest hold that is due and that nobody else is freeing, with the message that made it.
    /// `now()` is the transaction's start: never later than the `clock_timestamp()` of the release.
    private static let claim = Statement(
        """
        SELECT r.order_id, r.traceparent,
               (SELECT cause_message_id FROM reservation_log AS l
                WHERE l.order_id = r.order_id AND l.to_status = 'HELD') AS cause
        FROM reservations AS r
        WHERE r.status = 'HELD'
          AND (r.held_at AT TIME ZONE 'UTC') + r.ttl <= (now() AT TIME ZONE 'UTC')
        ORDER BY (r.held_at AT TIME ZONE 'UTC') + r.ttl
        LIMIT 1 FOR UPDATE OF r SKIP LOCKED
        """)

    private static let next = Statement(
        """
        SELECT ceil(extract(epoch FROM
                 min((held_at AT TIME ZONE 'UTC') + ttl) - (now() AT TIME ZONE 'UTC')) * 1000
               )::bigint AS wait_ms
        FROM reservations WHERE status = 'HELD'
        """)

    /// Until the next hold is due, at most the scan interval: a shorter hold may come meanwhile.
    /// At least a hundredth of it, because a due row may be locked by its own CommitStock.
    private func untilNext() async throws -> Duration {
        guard let wait = try await pool.query(Self.next).first?.optionalInteger("wait_ms") else {
            return scanInterval
        }
        return max(scanInterval / 100, min(scanInterval, .milliseconds(wait)))
    }
}
