package import Basics
package import Sockets
package import Telemetry

/// Brings a database's schema up to date. Safe to run from many replicas at once: an advisory lock
/// lets one work while the others wait, and then find nothing left to do.
package struct Migrator {
    /// Advisory lock of migrations, the bytes of "mercmigr".
    static let lockKey: Int64 = 0x6d65_7263_6d69_6772
    /// How long one replica waits for another's migrations.
    static let lockTimeout = "120s"

    /// Applies what is missing, in the order given, each migration in a transaction of its own.
    /// Throws `MigrationError` for a history that does not fit, `PostgresError` for a database that
    /// cannot be reached.
    package static func migrate(
        ownerConnection conninfo: Secret<String>, migrations: [Migration], loop: EventLoop,
        logger: Logger
    ) async throws {
        var names: Set<String> = []
        for migration in migrations where !names.insert(migration.name).inserted {
            throw MigrationError(.duplicateName, migration.name)
        }
        let target = ConnectionTarget(
            conninfo: conninfo, settings: .migration, applicationName: "migrator")
        // No answer limit: building an index may take long, and a dead server is noticed by TCP.
        let connection = try await Connection.open(
            target, id: 0, loop: loop, limits: .init(connect: .seconds(5), answer: nil),
            logger: logger, onClosed: { _ in })
        do {
            try await apply(migrations, on: connection, logger: logger)
            await connection.close()
        } catch {
            await connection.close()
            throw error
        }
    }

    private static func apply(
        _ migrations: [Migration], on connection: Connection, logger: Logger
    ) async throws {
        try await connection.execute(Statement("SET lock_timeout = '\(lockTimeout)'"))
        // Held by the session: closing the connection gives it back.
        _ = try await connection.query(
            Statement("SELECT pg_advisory_lock($1)", [.integer(lockKey)]))
        try await connection.execute(Statement("SET lock_timeout = '10s'"))
        try await connection.execute(
            Statement(
                """
                CREATE TABLE IF NOT EXISTS schema_migrations (
                    name text PRIMARY KEY,
                    checksum text NOT NULL,
                    applied_at timestamptz NOT NULL DEFAULT now()
                )
                """))
        let checksums = try await checksums(of: migrations, on: connection)
        let pending = try await pending(migrations, checksums, on: connection)
        for migration in pending {
            try await run(migration, checksum: checksums[migration.name] ?? "", on: connection)
            logger.info("applied a migration", ["migration": .string(migration.name)])
        }
    }

    /// SHA-256 in hexadecimal, by name. The server computes it, so no cryptography is needed here.
    private static func checksums(
        of migrations: [Migration], on connection: Connection
    ) async throws -> [String: String] {
        let results = try await connection.pipeline(
            migrations.map { migration in
                Statement(
                    "SELECT encode(sha256($1), 'hex') AS checksum",
                    [.bytes(Array(migration.sql.utf8))])
            })
        var checksums: [String: String] = [:]
        for (migration, result) in zip(migrations, results) {
            checksums[migration.name] = try result.rows.first?.text("checksum")
        }
        return checksums
    }

    private static func pending(
        _ migrations: [Migration], _ checksums: [String: String], on connection: Connection
    ) async throws -> [Migration] {
        let rows = try await connection.query(
            Statement("SELECT name, checksum FROM schema_migrations ORDER BY name"))
        var applied: Set<String> = []
        for row in rows {
            let name = try row.text("name")
            guard let checksum = checksums[name] else { throw MigrationError(.missing, name) }
            guard try row.text("checksum") == checksum else {
                throw MigrationError(.checksumChanged, name)
            }
            applied.insert(name)
        }
        return migrations.filter { !applied.contains($0.name) }
    }

    private static func run(
        _ migration: Migration, checksum: String, on connection: Connection
    ) async throws {
        do throws(PostgresError) {
            try await connection.execute(Statement("BEGIN"))
            _ = try await connection.runScript(migration.sql)
            guard await connection.transactionStatus == .open else {
                throw PostgresError(.rolledBack, "the script ended its transaction")
            }
            try await connection.execute(
                Statement(
                    "INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)",
                    [.text(migration.name), .text(checksum)]))
            let answer = try await connection.run([Statement("COMMIT")])
            guard answer.first?.commandTag == "COMMIT" else {
                throw PostgresError(.rolledBack, "COMMIT was answered by a rollback")
            }
        } catch {
            // Closing the connection rolls back what is open.
            if error.isUnavailable || error.code == .cancelled { throw error }
            throw MigrationError(
                error.code == .rolledBack ? .endedTransaction : .failed, migration.name,
                underlying: error)
        }
    }
}
