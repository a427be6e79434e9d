package import Basics
import Contracts
package import Postgres
package import Sockets
package import Telemetry

/// Finds sagas whose time has come. Timers are rows, so they survive everything, and rows locked by
/// a reply or by another replica are simply skipped (D10).
package struct SagaTimers: Sendable {
    /// Sagas looked at per scan.
    package static let batchMax = 200
    /// Sagas handled at the same time.
    package static let concurrencyMax = 8

    /// Handles one due saga in a transaction of its own, under `FOR UPDATE SKIP LOCKED`.
    package typealias Handler = @Sendable (OrderID) async throws -> Void

    private let type: String
    private let pool: Pool
    private let loop: EventLoop
    private let logger: Logger
    private let interval: Duration
    private let handler: Handler

    package init(
        type: String, pool: Pool, loop: EventLoop, logger: Logger,
        interval: Duration = .milliseconds(250), handler: @escaping Handler
    ) {
        self.type = type
        self.pool = pool
        self.loop = loop
        self.logger = logger
        self.interval = interval
        self.handler = handler
    }

    package func run() async throws {
        while true {
            do {
                let handled = try await fire()
                if handled == Self.batchMax { continue }
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                logger.warning("saga timers not read", ["error": .init(describing: error)])
            }
            try await loop.sleep(for: interval)
        }
    }

    /// Handles what is due now; returns how many sagas were looked at.
    package func fire() async throws -> Int {
        let rows = try await pool.query(
            Statement(
                """
                SELECT order_id FROM saga_instances
                WHERE saga_type = $1 AND next_attempt_at <= clock_timestamp()
                ORDER BY next_attempt_at LIMIT $2
                """, [.text(type), .integer(Int64(Self.batchMax))]))
        let due = try rows.map { OrderID(try $0.id("order_id")) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, orderID) in due.enumerated() {
                if index >= Self.concurrencyMax { try await group.next() }
                group.addTask { try await fire(orderID) }
            }
            try await group.waitForAll()
        }
        return due.count
    }

    private func fire(_ orderID: OrderID) async throws {
        do {
            try await handler(orderID)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            // The row keeps its time, so the next scan tries again; the others are not held up.
            logger.warning(
                "saga timer failed",
                ["order_id": .string("\(orderID)"), "error": .init(describing: error)])
        }
    }
}
