package import Postgres
package import Sockets
package import Telemetry

/// Counts the sagas under way by state, for the gauges; every replica shows the same numbers.
///
/// Ended sagas are not counted: they are all orders ever placed, and the count would grow with
/// them. Their counters are in the service. The question touches the index of open sagas only.
package struct SagaCensus: Sendable {
    /// Counting stops here.
    package static let countMax = 10_000
    /// Time between two counts.
    package static let interval: Duration = .seconds(1)

    private let type: String
    private let pool: Pool
    private let loop: EventLoop
    private let logger: Logger
    private let states: [String: Gauge]
    private let parked: Gauge
    private let overdue: Gauge

    /// `states` are those that a saga can leave.
    package init(
        type: String, states: [String], pool: Pool, loop: EventLoop, logger: Logger,
        metrics: MetricsRegistry
    ) {
        self.type = type
        self.pool = pool
        self.loop = loop
        self.logger = logger
        self.states = Dictionary(
            states.map { state in
                (
                    state,
                    metrics.gauge(
                        "saga_instances", help: "Sagas under way by state, counted up to 10000.",
                        labels: ["state": state])
                )
            }, uniquingKeysWith: { first, _ in first })
        parked = metrics.gauge(
            "saga_parked", help: "Sagas under way that wait for a person or an outside party.")
        overdue = metrics.gauge(
            "saga_overdue", help: "Sagas under way whose step is past its budget.")
    }

    /// Counts until cancelled. A database that is away leaves the numbers as they were.
    package func run() async throws {
        while true {
            do {
                try await count()
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                logger.debug("sagas not counted", ["error": .init(describing: error)])
            }
            try await loop.sleep(for: Self.interval)
        }
    }

    /// One count.
    package func count() async throws {
        let rows = try await pool.query(
            Statement(
                """
                SELECT state, count(*) AS n, count(*) FILTER (WHERE parked_reason IS NOT NULL) AS parked,
                    count(*) FILTER (WHERE deadline_at <= clock_timestamp()) AS overdue
                FROM (
                    SELECT state, parked_reason, deadline_at FROM saga_instances
                    WHERE saga_type = $1 AND next_attempt_at IS NOT NULL LIMIT $2) AS under_way
                GROUP BY state
                """, [.text(type), .integer(Int64(Self.countMax))]))
        var (counts, waiting, late): ([String: Int64], Int64, Int64) = ([:], 0, 0)
        for row in rows {
            counts[try row.text("state")] = try row.integer("n")
            waiting += try row.integer("parked")
            late += try row.integer("overdue")
        }
        for (state, gauge) in states { gauge.set(Double(counts[state] ?? 0)) }
        parked.set(Double(waiting))
        overdue.set(Double(late))
    }
}
