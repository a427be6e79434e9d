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

    /// How long a saga is put off whose timer failed: doubled each time up to the cap.
    package struct FailureBackoff: Sendable, Equatable {
        package var base: Duration
        package var cap: Duration

        package init(base: Duration = .seconds(1), cap: Duration = .seconds(60)) {
            self.base = base
            self.cap = cap
        }
    }

    /// Handles one due saga in a transaction of its own, under `FOR UPDATE SKIP LOCKED`; false when
    /// it was not due any more or somebody else holds it.
    package typealias Handler = @Sendable (OrderID) async throws -> Bool

    private let type: String
    private let pool: Pool
    private let loop: EventLoop
    private let logger: Logger
    private let interval: Duration
    private let backoff: FailureBackoff
    private let handler: Handler

    package init(
        type: String, pool: Pool, loop: EventLoop, logger: Logger,
        interval: Duration = .milliseconds(250), backoff: FailureBackoff = FailureBackoff(),
        handler: @escaping Handler
    ) {
        self.type = type
        self.pool = pool
        self.loop = loop
        self.logger = logger
        self.interval = interval
        self.backoff = backoff
        self.handler = handler
    }

    package func run() async throws {
        while true {
            do {
                // A full batch of successes means that more are due; failures are no reason to hurry.
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

    /// Handles what is due now; returns how many sagas were really handled.
    package func fire() async throws -> Int {
        let rows = try await pool.query(
            Statement(
                """
                SELECT order_id FROM saga_instances
                WHERE saga_type = $1 AND next_attempt_at <= clock_timestamp()
                ORDER BY next_attempt_at LIMIT $2
                """, [.text(type), .integer(Int64(Self.batchMax))]))
        let due = try rows.map { OrderID(try $0.id("order_id")) }
        return try await withThrowingTaskGroup(of: Bool.self) { group in
            var handled = 0
            for (index, orderID) in due.enumerated() {
                if index >= Self.concurrencyMax, try await group.next() == true { handled += 1 }
                group.addTask { try await fire(orderID) }
            }
            for try await success in group where success { handled += 1 }
            return handled
        }
    }

    private func fire(_ orderID: OrderID) async throws -> Bool {
        do {
            return try await handler(orderID)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            logger.warning(
                "saga timer failed",
                ["order_id": .string("\(orderID)"), "error": .init(describing: error)])
            await putOff(orderID)
            return false
        }
    }

    /// A row that fails moves back in the queue: scans take the oldest first, and a batch of rows
    /// that always fail would keep all others from their turn.
    private func putOff(_ orderID: OrderID) async {
        do {
            _ = try await pool.execute(
                SagaStore(type: type).putOff(orderID, base: backoff.base, cap: backoff.cap))
        } catch {
            logger.warning(
                "saga timer not put off",
                ["order_id": .string("\(orderID)"), "error": .string("\(error)")])
        }
    }
}
