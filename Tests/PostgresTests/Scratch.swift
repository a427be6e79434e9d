import Basics
import Postgres
import Sockets
import Support
import Telemetry
import Testing

/// A pool on a fresh database, and a second one for looking on and interfering.
struct Scratch {
    let loop: EventLoop
    let database: ScratchDatabase
    let pool: Pool
    let observer: Pool
    /// What the tested pool counts.
    let metrics: MetricsRegistry

    /// Runs `body` on a loop of its own, connected as the owner role.
    static func run(
        sizeMax: Int = 4, acquireTimeout: Duration = .seconds(5),
        settings: SessionSettings = .standard,
        _ body: (Scratch) async throws -> Void
    ) async throws {
        let database = try await ScratchPostgres.shared.database("order")
        try await TestLoop.run { loop in
            let metrics = QuietLog.metrics()
            func pool(_ name: String, _ metrics: MetricsRegistry) -> Pool {
                Pool(
                    configuration: PoolConfiguration(
                        conninfo: database.ownerConninfo, name: name, sizeMax: sizeMax,
                        acquireTimeout: acquireTimeout, settings: settings),
                    loop: loop, logger: QuietLog.logger(), metrics: metrics)
            }
            let scratch = Scratch(
                loop: loop, database: database, pool: pool("tested_\(database.name)", metrics),
                observer: pool("observer", QuietLog.metrics()), metrics: metrics)
            do {
                try await body(scratch)
            } catch {
                await scratch.close()
                throw error
            }
            await scratch.close()
        }
    }

    private func close() async {
        await pool.close()
        await observer.close()
    }

    /// Sessions of the tested pool that are in this state and run this text.
    func sessions(state: String, query: String) async throws -> [Int64] {
        try await observer.query(
            Statement(
                """
                SELECT pid FROM pg_stat_activity
                WHERE application_name = $1 AND state = $2 AND query LIKE $3
                """, [.text(pool.configuration.name), .text(state), .text(query)])
        ).map { try $0.integer("pid") }
    }

    /// Waits until such a session exists, then ends it as an administrator would.
    func terminate(state: String, query: String) async throws {
        try await eventually("a session with \(query)") {
            try await !sessions(state: state, query: query).isEmpty
        }
        for pid in try await sessions(state: state, query: query) {
            _ = try await observer.query(
                Statement("SELECT pg_terminate_backend($1)", [.integer(pid)]))
        }
    }
}

/// The error that a database operation ended with.
func postgresError<Value>(
    _ body: () async throws -> Value, location: SourceLocation = #_sourceLocation
) async throws -> PostgresError {
    let error = await #expect(throws: PostgresError.self, sourceLocation: location) {
        _ = try await body()
    }
    return try #require(error, sourceLocation: location)
}
