import Basics
import Sockets
import Support
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(2)))
struct ConnectionTests {
    @Test func `every kind of value comes back as it was sent`() async throws {
        try await Scratch.run { scratch in
            let id = UniqueID.v7()
            let time = WallTime(microseconds: 1_700_000_000_123_456)
            let bytes = (0...255).map { UInt8($0) }
            let rows = try await scratch.pool.query(
                Statement(
                    """
                    SELECT $1::text AS t, $2::bigint AS i, $3::boolean AS b, $4::bytea AS y,
                        $5::uuid AS u, $6::timestamptz AS w, $7::text[] AS ts, $8::uuid[] AS us,
                        $9::bigint[] AS ints, $10::jsonb ->> 'k' AS j, $11::text AS n,
                        ''::bytea AS empty
                    """,
                    [
                        .text("ä 'quoted' \\ \n"), .integer(.min), .boolean(true), .bytes(bytes),
                        .id(id), .time(time), .texts(["a,b", "\"", ""]), .ids([id, id]),
                        .integers([1, -2]), .json(#"{"k":"v"}"#), .null,
                    ]))
            let row = try #require(rows.first)
            #expect(try row.text("t") == "ä 'quoted' \\ \n")
            #expect(try row.integer("i") == .min)
            #expect(try row.boolean("b"))
            #expect(try row.bytes("y") == bytes)
            #expect(try row.id("u") == id)
            #expect(try row.time("w") == time)
            #expect(try row.texts("ts") == ["a,b", "\"", ""])
            #expect(try row.ids("us") == [id, id])
            #expect(try row.integers("ints") == [1, -2])
            #expect(try row.text("j") == "v")
            #expect(try row.optionalText("n") == nil)
            #expect(try row.bytes("empty") == [])
        }
    }

    @Test func `a wrong column or type is a decoding error`() async throws {
        try await Scratch.run { scratch in
            let rows = try await scratch.pool.query(Statement("SELECT 'x' AS t, NULL AS n"))
            let row = try #require(rows.first)
            for read in [
                { _ = try row.integer("t") }, { _ = try row.text("n") }, { _ = try row.id("none") },
                { _ = try row.bytes("t") }, { _ = try row.time("t") },
            ] {
                let error = try await postgresError { try read() }
                #expect(error.code == .decoding)
            }
        }
    }

    @Test func `a batch is one transaction and stops at the first error`() async throws {
        try await Scratch.run { scratch in
            try await scratch.pool.execute(Statement("CREATE TABLE t (a int PRIMARY KEY)"))
            let error = try await postgresError {
                try await scratch.pool.batch([
                    Statement("INSERT INTO t VALUES (1)"), Statement("INSERT INTO t VALUES (1)"),
                    Statement("INSERT INTO t VALUES (2)"),
                ])
            }
            #expect(error.isUniqueViolation(of: "t_pkey"))
            #expect(!error.isUniqueViolation(of: "other"))
            let rows = try await scratch.pool.query(Statement("SELECT a FROM t"))
            #expect(rows.isEmpty)
        }
    }

    @Test func `a session starts with the limits of D18 and in UTC`() async throws {
        try await Scratch.run { scratch in
            let results = try await scratch.pool.batch(
                [
                    "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout",
                    "TimeZone",
                ].map {
                    Statement("SELECT current_setting('\($0)') AS value", [], isPrepared: false)
                })
            let values = try results.map { try $0.rows[0].text("value") }
            #expect(values == ["5s", "2s", "5s", "UTC"])
        }
    }

    @Test func `a statement past its limit is an error of its own, and the session goes on`()
        async throws
    {
        try await Scratch.run(sizeMax: 1) { scratch in
            let error = try await postgresError {
                try await scratch.pool.transaction { tx in
                    try await tx.execute(Statement("SET LOCAL statement_timeout = '20ms'"))
                    try await tx.execute(Statement("SELECT pg_sleep(30)"))
                }
            }
            #expect(error.sqlState == "57014")
            let rows = try await scratch.pool.query(Statement("SELECT 1 AS one"))
            #expect(try rows[0].integer("one") == 1)
        }
    }

    @Test func `callers of one connection are served in turn`() async throws {
        try await Scratch.run { scratch in
            let connection = try await scratch.pool.dedicatedConnection()
            async let first = connection.query(Statement("SELECT pg_sleep(0.02), 1 AS n"))
            async let second = connection.query(Statement("SELECT 2 AS n"))
            async let third = connection.query(Statement("SELECT 3 AS n"))
            let numbers = try await [first, second, third].map { try $0[0].integer("n") }
            #expect(numbers == [1, 2, 3])
            await connection.close()
            #expect(!connection.isOpen)
            let error = try await postgresError {
                try await connection.query(Statement("SELECT 1"))
            }
            #expect(error.code == .closed)
        }
    }

    @Test func `a deferred constraint that fails without BEGIN is reported`() async throws {
        try await Scratch.run(sizeMax: 1) { scratch in
            try await scratch.pool.batch([
                Statement("CREATE TABLE p (id int PRIMARY KEY)"),
                Statement(
                    "CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED)"),
            ])
            let error = try await postgresError {
                try await scratch.pool.execute(Statement("INSERT INTO c VALUES (7)"))
            }
            #expect(error.sqlState == "23503")
            let rows = try await scratch.pool.query(Statement("SELECT p FROM c"))
            #expect(rows.isEmpty)
        }
    }

    @Test func `a large batch passes although neither side can buffer it`() async throws {
        try await Scratch.run { scratch in
            let text = String(repeating: "x", count: 20_000)
            let results = try await scratch.pool.batch(
                (0..<500).map { _ in Statement("SELECT $1::text AS t", [.text(text)]) })
            #expect(results.count == 500)
            #expect(try results.allSatisfy { try $0.rows[0].text("t") == text })
        }
    }

    @Test func `an unreachable server is named, and no password is shown`() async throws {
        try await TestLoop.run { loop in
            let pool = Pool(
                configuration: PoolConfiguration(
                    conninfo: Secret("postgresql://shop:hush@127.0.0.1:1/orders"),
                    acquireTimeout: .milliseconds(300)),
                loop: loop, logger: QuietLog.logger(), metrics: QuietLog.metrics())
            let error = try await postgresError { try await pool.query(Statement("SELECT 1")) }
            #expect(error.code == .connect("127.0.0.1:1/orders as shop"))
            let text = String(describing: error)
            #expect(text.contains("refused"))
            #expect(!text.contains("hush"))
            await pool.close()
        }
    }
}
