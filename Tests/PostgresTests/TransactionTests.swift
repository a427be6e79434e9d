import Basics
import Sockets
import Support
import Synchronization
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(2)))
struct TransactionTests {
    private struct Refused: Error {}

    private func table(_ scratch: Scratch) async throws {
        try await scratch.pool.execute(Statement("CREATE TABLE t (a int PRIMARY KEY)"))
    }

    private func count(_ scratch: Scratch) async throws -> Int64 {
        try await scratch.observer.query(Statement("SELECT count(*) AS n FROM t"))[0].integer("n")
    }

    @Test func `hooks run after the commit, and only then`() async throws {
        try await Scratch.run { scratch in
            try await table(scratch)
            let ran = Mutex(0)
            try await scratch.pool.transaction { tx in
                tx.afterCommit { ran.withLock { $0 += 1 } }
                try await tx.execute(Statement("INSERT INTO t VALUES (1)"))
                #expect(ran.withLock { $0 } == 0)
            }
            #expect(ran.withLock { $0 } == 1)
            #expect(try await count(scratch) == 1)
            await #expect(throws: Refused.self) {
                try await scratch.pool.transaction { tx in
                    tx.afterCommit { ran.withLock { $0 += 1 } }
                    try await tx.execute(Statement("INSERT INTO t VALUES (2)"))
                    throw Refused()
                }
            }
            #expect(ran.withLock { $0 } == 1)
            #expect(try await count(scratch) == 1)
        }
    }

    @Test func `a body that sends nothing opens no transaction`() async throws {
        try await Scratch.run(sizeMax: 1) { scratch in
            let value = try await scratch.pool.transaction { _ in 7 }
            #expect(value == 7)
        }
    }

    @Test func `BEGIN rides with the first batch, and its options hold`() async throws {
        try await Scratch.run { scratch in
            let options = TransactionOptions(
                isolation: .repeatableRead, readOnly: true, lockTimeout: .milliseconds(250),
                synchronousCommit: false)
            let values = try await scratch.pool.transaction(options) { tx in
                try await tx.pipeline([
                    Statement("SHOW transaction_isolation"),
                    Statement("SHOW transaction_read_only"),
                    Statement("SHOW lock_timeout"), Statement("SHOW synchronous_commit"),
                ]).map { try $0.rows[0].text($0.rows[0].table.columns[0]) }
            }
            #expect(values == ["repeatable read", "on", "250ms", "off"])
            let rows = try await scratch.pool.query(Statement("SHOW lock_timeout"))
            #expect(try rows[0].text("lock_timeout") == "2s")
        }
    }

    @Test func `a commit that the server refuses is an error, and no hook runs`() async throws {
        try await Scratch.run(sizeMax: 1) { scratch in
            try await scratch.pool.batch([
                Statement("CREATE TABLE p (id int PRIMARY KEY)"),
                Statement("CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED)"),
            ])
            let ran = Mutex(false)
            let error = try await postgresError {
                try await scratch.pool.transaction { tx in
                    tx.afterCommit { ran.withLock { $0 = true } }
                    try await tx.execute(Statement("INSERT INTO c VALUES (7)"))
                }
            }
            #expect(error.sqlState == "23503")
            #expect(error.constraint == "c_p_fkey")
            #expect(!ran.withLock { $0 })
        }
    }

    @Test func `COMMIT answered by ROLLBACK is an error`() async throws {
        try await Scratch.run { scratch in
            try await table(scratch)
            let error = try await postgresError {
                try await scratch.pool.transaction { tx in
                    try await tx.execute(Statement("INSERT INTO t VALUES (1)"))
                    // The body swallows the error of a statement and returns normally.
                    _ = try await postgresError { try await tx.execute(Statement("SELECT 1/0")) }
                }
            }
            #expect(error.code == .rolledBack)
            #expect(try await count(scratch) == 0)
        }
    }

    @Test func `a session killed while COMMIT is in flight leaves the outcome unknown`()
        async throws
    {
        try await Scratch.run { scratch in
            try await slowCommit(scratch)
            async let outcome = postgresError {
                try await scratch.pool.transaction { tx in
                    try await tx.execute(Statement("INSERT INTO t VALUES (1)"))
                }
            }
            try await scratch.terminate(state: "active", query: "COMMIT")
            let error = try await outcome
            #expect(error.code == .commitUnknown)
            #expect(error.isUnavailable)
            #expect(try await count(scratch) == 0)
        }
    }

    @Test func `cancelling the task does not cut a COMMIT short`() async throws {
        try await Scratch.run { scratch in
            try await slowCommit(scratch, seconds: 0.2)
            let pool = scratch.pool
            let task = Task {
                try await pool.transaction { tx in
                    try await tx.execute(Statement("INSERT INTO t VALUES (1)"))
                }
            }
            try await eventually("COMMIT is under way") {
                try await !scratch.sessions(state: "active", query: "COMMIT").isEmpty
            }
            task.cancel()
            #expect(try await task.value == 1)
            #expect(try await count(scratch) == 1)
        }
    }

    /// A deferred trigger that makes COMMIT take its time.
    private func slowCommit(_ scratch: Scratch, seconds: Double = 4) async throws {
        try await table(scratch)
        try await scratch.pool.batch([
            Statement(
                """
                CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN PERFORM pg_sleep(\(seconds)); RETURN NULL; END $$
                """),
            Statement(
                """
                CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()
                """),
        ])
    }

    @Test func `the last batch may carry COMMIT`() async throws {
        try await Scratch.run(sizeMax: 1) { scratch in
            try await table(scratch)
            let ran = Mutex(0)
            let results = try await scratch.pool.transaction { tx in
                tx.afterCommit { ran.withLock { $0 += 1 } }
                return try await tx.pipelineAndCommit([
                    Statement("INSERT INTO t VALUES (1)"), Statement("SELECT a FROM t"),
                ])
            }
            #expect(results.count == 2)
            #expect(ran.withLock { $0 } == 1)
            #expect(try await count(scratch) == 1)
            let error = try await postgresError {
                try await scratch.pool.transaction { tx in
                    tx.afterCommit { ran.withLock { $0 += 1 } }
                    return try await tx.pipelineAndCommit([
                        Statement("INSERT INTO t VALUES (2)"),
                        Statement("INSERT INTO t VALUES (1)"),
                    ])
                }
            }
            #expect(error.isUniqueViolation(of: "t_pkey"))
            #expect(ran.withLock { $0 } == 1)
            #expect(try await count(scratch) == 1)
            // The same session goes on.
            #expect(try await scratch.pool.query(Statement("SELECT 1")).count == 1)
        }
    }

    @Test func `an error after the commit is thrown, and undoes nothing`() async throws {
        try await Scratch.run { scratch in
            try await table(scratch)
            let ran = Mutex(false)
            await #expect(throws: Refused.self) {
                try await scratch.pool.transaction { tx in
                    tx.afterCommit { ran.withLock { $0 = true } }
                    try await tx.pipelineAndCommit([Statement("INSERT INTO t VALUES (1)")])
                    throw Refused()
                }
            }
            #expect(ran.withLock { $0 })
            #expect(try await count(scratch) == 1)
        }
    }

    @Test func `a session killed between statements is a lost connection`() async throws {
        try await Scratch.run(sizeMax: 1) { scratch in
            try await table(scratch)
            let error = try await postgresError {
                try await scratch.pool.transaction { tx in
                    try await tx.execute(Statement("INSERT INTO t VALUES (1)"))
                    try await scratch.terminate(state: "idle in transaction", query: "INSERT%")
                    try await tx.execute(Statement("INSERT INTO t VALUES (2)"))
                }
            }
            #expect(error.code == .connectionLost)
            // The only connection of the pool was replaced.
            #expect(try await scratch.pool.query(Statement("SELECT 1")).count == 1)
            #expect(try await count(scratch) == 0)
        }
    }

    @Test func `a session killed before COMMIT was sent is known not to have committed`()
        async throws
    {
        try await Scratch.run { scratch in
            try await table(scratch)
            let error = try await postgresError {
                try await scratch.pool.withConnection { connection in
                    let tx = Transaction(connection, .init())
                    try await tx.execute(Statement("INSERT INTO t VALUES (1)"))
                    try await scratch.terminate(state: "idle in transaction", query: "INSERT%")
                    try await eventually("the end is noticed") { !connection.isOpen }
                    try await tx.commit()
                }
            }
            #expect(error.code == .connectionLost)
            #expect(try await count(scratch) == 0)
        }
    }

    @Test func `a transaction is of no use after its body has returned`() async throws {
        try await Scratch.run { scratch in
            let escaped = try await scratch.pool.transaction { tx in tx }
            let error = try await postgresError { try await escaped.query(Statement("SELECT 1")) }
            #expect(error.code == .closed)
        }
    }

    @Test func `a stream reads everything in bounded batches`() async throws {
        try await Scratch.run { scratch in
            var sizes: [Int] = []
            var sum: Int64 = 0
            try await scratch.pool.transaction(.init(isolation: .repeatableRead, readOnly: true)) {
                tx in
                try await tx.stream(
                    Statement("SELECT n FROM generate_series(1, $1::int) AS n", [1_050]), batch: 500
                ) { rows in
                    sizes.append(rows.count)
                    for row in rows { sum += try row.integer("n") }
                }
            }
            #expect(sizes == [500, 500, 50])
            #expect(sum == 551_775)
        }
    }

    @Test func `a lock that is not free in time is retriable`() async throws {
        try await Scratch.run { scratch in
            try await table(scratch)
            try await scratch.pool.execute(Statement("INSERT INTO t VALUES (1)"))
            try await scratch.observer.transaction { holder in
                try await holder.execute(Statement("SELECT a FROM t FOR UPDATE"))
                let error = try await postgresError {
                    try await scratch.pool.transaction(.init(lockTimeout: .milliseconds(20))) {
                        tx in
                        try await tx.execute(Statement("SELECT a FROM t FOR UPDATE"))
                    }
                }
                #expect(error.sqlState == "55P03")
                #expect(error.isRetriable)
            }
        }
    }
}
