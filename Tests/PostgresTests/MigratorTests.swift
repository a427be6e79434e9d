import Basics
import Sockets
import Support
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(2)))
struct MigratorTests {
    private static let first = Migration(
        name: "m0001_create_t", sql: "CREATE TABLE t (a int); INSERT INTO t VALUES (1);")
    private static let second = Migration(
        name: "m0002_add_b", sql: "ALTER TABLE t ADD COLUMN b int NOT NULL DEFAULT 7;")

    private func migrate(_ scratch: Scratch, _ migrations: [Migration]) async throws {
        try await Migrator.migrate(
            ownerConnection: scratch.database.ownerConninfo, migrations: migrations,
            loop: scratch.loop, logger: QuietLog.logger())
    }

    private func applied(_ scratch: Scratch) async throws -> [String] {
        try await scratch.pool.query(
            Statement("SELECT name FROM schema_migrations ORDER BY name")
        ).map { try $0.text("name") }
    }

    private func migrationError(
        _ scratch: Scratch, _ migrations: [Migration]
    ) async throws -> MigrationError {
        let error = await #expect(throws: MigrationError.self) {
            try await migrate(scratch, migrations)
        }
        return try #require(error)
    }

    @Test func `what is missing is applied, once`() async throws {
        try await Scratch.run { scratch in
            try await migrate(scratch, [Self.first])
            try await migrate(scratch, [Self.first, Self.second])
            try await migrate(scratch, [Self.first, Self.second])
            #expect(try await applied(scratch) == ["m0001_create_t", "m0002_add_b"])
            let rows = try await scratch.pool.query(Statement("SELECT a, b FROM t"))
            #expect(rows.count == 1)
            #expect(try rows[0].integer("b") == 7)
        }
    }

    @Test func `replicas that start together do not disturb each other`() async throws {
        try await Scratch.run { scratch in
            let (database, loop) = (scratch.database, scratch.loop)
            try await withThrowingTaskGroup { group in
                for _ in 0..<6 {
                    group.addTask {
                        try await Migrator.migrate(
                            ownerConnection: database.ownerConninfo,
                            migrations: [Self.first, Self.second], loop: loop,
                            logger: QuietLog.logger())
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await scratch.pool.query(Statement("SELECT a FROM t")).count == 1)
        }
    }

    @Test func `a changed text of an applied migration is refused`() async throws {
        try await Scratch.run { scratch in
            try await migrate(scratch, [Self.first])
            let error = try await migrationError(
                scratch, [Migration(name: Self.first.name, sql: "SELECT 1"), Self.second])
            #expect(error.code == .checksumChanged)
            #expect(error.migration == "m0001_create_t")
            #expect(try await applied(scratch) == ["m0001_create_t"])
        }
    }

    @Test func `an applied migration that the program does not know is refused`() async throws {
        try await Scratch.run { scratch in
            try await migrate(scratch, [Self.first, Self.second])
            let error = try await migrationError(scratch, [Self.first])
            #expect(error.code == .missing)
        }
    }

    @Test func `a failing migration leaves nothing behind`() async throws {
        try await Scratch.run { scratch in
            let bad = Migration(
                name: "m0002_bad", sql: "CREATE TABLE half (a int); SELECT 1/0; SELECT 2;")
            let error = try await migrationError(scratch, [Self.first, bad])
            #expect(error.code == .failed)
            #expect(error.underlying?.sqlState == "22012")
            #expect(try await applied(scratch) == ["m0001_create_t"])
            let rows = try await scratch.pool.query(
                Statement("SELECT to_regclass('half') IS NULL AS absent"))
            #expect(try rows[0].boolean("absent"))
        }
    }

    @Test func `a migration that commits by itself is refused`() async throws {
        try await Scratch.run { scratch in
            let error = try await migrationError(
                scratch, [Migration(name: "m0001_x", sql: "CREATE TABLE x (a int); COMMIT;")])
            #expect(error.code == .endedTransaction)
        }
    }

    @Test func `two migrations of one name are refused before anything is done`() async throws {
        try await Scratch.run { scratch in
            let error = try await migrationError(scratch, [Self.first, Self.first])
            #expect(error.code == .duplicateName)
        }
    }
}
