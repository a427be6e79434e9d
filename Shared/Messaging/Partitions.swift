package import Basics
package import Postgres
package import Sockets
package import Telemetry

/// Keeps the day partitions of inbox and outbox ahead of the calendar: at start, and every hour.
package struct Partitions: Sendable {
    /// How long published outbox rows are kept: the replay source after a broker loss (D6).
    package static let outboxDaysKept = 7
    /// Longer than any topic or dead letter can be replayed (D4).
    package static let inboxDaysKept = 21
    /// How far ahead partitions are made, in days.
    package static let daysAhead = 7

    /// The wait after a failed round.
    package static let retryAfter: Duration = .seconds(5)

    private let pool: Pool
    private let loop: EventLoop
    private let logger: Logger
    private let interval: Duration
    private let now: @Sendable () -> WallTime

    package init(
        pool: Pool, loop: EventLoop, logger: Logger, interval: Duration = .seconds(3600),
        now: @escaping @Sendable () -> WallTime = { .now() }
    ) {
        self.pool = pool
        self.loop = loop
        self.logger = logger
        self.interval = interval
        self.now = now
    }

    /// Maintains at start and at every interval; until cancelled.
    package func run() async throws {
        while true {
            var wait = interval
            do {
                try await maintain(at: now())
            } catch let error as PostgresError {
                logger.warning("partitions not maintained", ["error": .string("\(error)")])
                wait = min(interval, Self.retryAfter)
            }
            try await loop.sleep(for: wait)
        }
    }

    /// Makes what is missing and drops what has served; harmless to repeat and to race.
    package func maintain(at time: WallTime) async throws {
        try await ensure(around: time)
        let dropped = try await pool.query(
            Statement(
                "SELECT drop_partitions($1, $2, $3) AS dropped",
                [
                    .time(time), .integer(Int64(Self.outboxDaysKept)),
                    .integer(Int64(Self.inboxDaysKept)),
                ]))
        if let count = try dropped.first?.integer("dropped"), count > 0 {
            logger.info("old partitions dropped", ["count": .integer(count)])
        }
    }

    /// Makes the partitions around an instant.
    package func ensure(around time: WallTime) async throws {
        let made = try await pool.query(
            Statement(
                "SELECT make_partitions($1, $2) AS made",
                [.time(time), .integer(Int64(Self.daysAhead))]))
        if let count = try made.first?.integer("made"), count > 0 {
            logger.info("partitions made", ["count": .integer(count)])
        }
    }
}
