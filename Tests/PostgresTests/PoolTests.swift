import Basics
import NativeServers
import Sockets
import Support
import Telemetry
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(2)))
struct PoolTests {
    @Test func `a caller waits no longer than its limit for a connection`() async throws {
        try await Scratch.run(sizeMax: 1, acquireTimeout: .milliseconds(500)) { scratch in
            // Connecting may take longer on a busy machine.
            try await eventually("the connection is open") {
                try await scratch.pool.query(Statement("SELECT 0")).count == 1
            }
            try await scratch.pool.transaction { tx in
                try await tx.execute(Statement("SELECT 1"))
                let error = try await postgresError {
                    try await scratch.pool.query(Statement("SELECT 2"))
                }
                #expect(error.code == .poolTimeout)
            }
            #expect(try await scratch.pool.query(Statement("SELECT 3")).count == 1)
            let page = scratch.metrics.render()
            let name = scratch.pool.configuration.name
            #expect(page.contains("postgres_pool_connections{pool=\"\(name)\",state=\"in_use\"} 0\n"))
            #expect(page.contains("postgres_pool_connections{pool=\"\(name)\",state=\"idle\"} 1\n"))
            #expect(page.contains("postgres_pool_connections_max{pool=\"\(name)\"} 1\n"))
            #expect(
                page.contains("postgres_pool_refusals_total{pool=\"\(name)\",reason=\"timeout\"} 1\n"))
        }
    }

    @Test func `many callers share few connections`() async throws {
        try await Scratch.run(sizeMax: 3) { scratch in
            let pool = scratch.pool
            let sum = try await withThrowingTaskGroup(of: Int64.self) { group in
                for number in 1...200 {
                    group.addTask {
                        try await pool.query(
                            Statement("SELECT $1::bigint AS n", [.integer(Int64(number))])
                        )[0].integer("n")
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(sum == 20_100)
            let sessions = try await scratch.sessions(state: "idle", query: "%")
            #expect(sessions.count <= 3)
        }
    }

    @Test func `cancelling a query frees its place and stops it on the server`() async throws {
        try await Scratch.run(sizeMax: 1) { scratch in
            let pool = scratch.pool
            let task = Task { try await pool.query(Statement("SELECT pg_sleep(60)")) }
            try await eventually("the query runs") {
                try await !scratch.sessions(state: "active", query: "%pg_sleep%").isEmpty
            }
            task.cancel()
            let error = try await postgresError { try await task.value }
            #expect(error.code == .cancelled)
            #expect(try await pool.query(Statement("SELECT 1")).count == 1)
            // Long before statement_timeout, so it was the cancel request.
            try await eventually("the server stopped", within: .seconds(3)) {
                try await scratch.sessions(state: "active", query: "%pg_sleep%").isEmpty
            }
        }
    }

    @Test func `a caller cancelled in the queue leaves it`() async throws {
        try await Scratch.run(sizeMax: 1) { scratch in
            let pool = scratch.pool
            try await pool.transaction { tx in
                try await tx.execute(Statement("SELECT 1"))
                let task = Task { try await pool.query(Statement("SELECT 2")) }
                task.cancel()
                let error = try await postgresError { try await task.value }
                #expect(error.code == .cancelled)
            }
        }
    }

    @Test func `a connection left inside a transaction is not lent again`() async throws {
        try await Scratch.run(sizeMax: 1) { scratch in
            let pid = try await scratch.pool.withConnection { connection in
                try await connection.execute(Statement("BEGIN"))
                return try await connection.query(Statement("SELECT pg_backend_pid() AS pid"))[0]
                    .integer("pid")
            }
            let next = try await scratch.pool.query(Statement("SELECT pg_backend_pid() AS pid"))
            #expect(try next[0].integer("pid") != pid)
        }
    }

    @Test func `prepared statements outlive a schema change at the price of one error`()
        async throws
    {
        try await Scratch.run(sizeMax: 1) { scratch in
            try await scratch.pool.execute(Statement("CREATE TABLE t (a int)"))
            let query = Statement("SELECT * FROM t")
            _ = try await scratch.pool.query(query)
            try await scratch.observer.execute(Statement("ALTER TABLE t ADD COLUMN b int"))
            let error = try await postgresError { try await scratch.pool.query(query) }
            #expect(error.sqlState == "0A000")
            #expect(try await scratch.pool.query(query).isEmpty)
        }
    }

    @Test func `a server that restarts is found again`() async throws {
        let running = try await RunningPostgres.start()
        let wanted = PostgresDatabase(
            name: "order", service: "order", ownerPassword: Secret("scratch"),
            appPassword: Secret("scratch"))
        let server = running.server
        try await Blocking.run { try server.ensure(wanted) }
        try await TestLoop.run { loop in
            let pool = Pool(
                configuration: PoolConfiguration(
                    conninfo: server.conninfo(
                        database: "order", user: wanted.owner, password: Secret("scratch")),
                    sizeMax: 2, acquireTimeout: .milliseconds(500)),
                loop: loop, logger: QuietLog.logger(), metrics: QuietLog.metrics())
            #expect(try await pool.query(Statement("SELECT 1")).count == 1)
            let held = try await pool.dedicatedConnection()
            try await running.kill()
            try await eventually("the end is noticed without any query") { !held.isOpen }
            let error = try await postgresError { try await pool.query(Statement("SELECT 1")) }
            #expect(error.isUnavailable)
            try await running.restart()
            try await eventually("the pool serves again") {
                try await pool.query(Statement("SELECT 1")).count == 1
            }
            await pool.close()
        }
        try await running.stop()
    }

    @Test func `run keeps the minimum open and ends when it is cancelled`() async throws {
        try await Scratch.run { scratch in
            let pool = scratch.pool
            let task = Task(executorPreference: scratch.loop) { try await pool.run() }
            try await eventually("a connection is open") {
                try await scratch.sessions(state: "idle", query: "%").count == 1
            }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            try await eventually("it is closed") {
                try await scratch.sessions(state: "idle", query: "%").isEmpty
            }
            // What is left to do is still served.
            #expect(try await pool.query(Statement("SELECT 1")).count == 1)
        }
    }

    @Test func `dedicated connections have a limit and settings of their own`() async throws {
        try await Scratch.run { scratch in
            var held: [Connection] = []
            for _ in 0..<scratch.pool.configuration.dedicatedMax {
                held.append(
                    try await scratch.pool.dedicatedConnection(
                        settings: ["idle_session_timeout": "10s"]))
            }
            let value = try await held[0].query(Statement("SHOW idle_session_timeout"))
            #expect(try value[0].text("idle_session_timeout") == "10s")
            let error = try await postgresError {
                try await scratch.pool.dedicatedConnection()
            }
            #expect(error.code == .poolOverloaded)
            for connection in held { await connection.close() }
            let again = try await scratch.pool.dedicatedConnection()
            await again.close()
        }
    }
}
