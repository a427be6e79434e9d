/// One step of a schema's history. Once applied its text never changes; a mistake is mended by a
/// further migration.
package struct Migration: Sendable, Hashable {
    /// For example `m0001_create_orders`; unique within a database.
    package let name: String
    /// One or more statements; must not contain BEGIN, COMMIT or ROLLBACK.
    package let sql: String

    package init(name: String, sql: String) {
        self.name = name
        self.sql = sql
    }

    /// From an embedded file's bytes.
    package init(name: String, bytes: [UInt8]) {
        self.init(name: name, sql: String(decoding: bytes, as: UTF8.self))
    }
}

/// Why a schema could not be brought up to date. A service ends with exit code 78 on each of these,
/// but retries when the database is merely unreachable (that is a `PostgresError`).
package struct MigrationError: Error, Sendable, CustomStringConvertible {
    /// What does not fit.
    package enum Code: Sendable, Hashable {
        /// The text of an applied migration differs from what was applied.
        case checksumChanged
        /// The database has a migration that this program does not know.
        case missing
        case duplicateName
        /// The migration failed, and was rolled back as a whole.
        case failed
        /// The migration ended the transaction that it was run in.
        case endedTransaction
    }

    /// What callers branch on.
    package let code: Code
    /// The name of the migration concerned.
    package let migration: String
    /// What the server said, when it failed.
    package let underlying: PostgresError?

    package init(_ code: Code, _ migration: String, underlying: PostgresError? = nil) {
        self.code = code
        self.migration = migration
        self.underlying = underlying
    }

    package var description: String {
        switch code {
        case .checksumChanged:
            "migration \(migration) was changed after it had been applied; restore its text and "
                + "add a new migration"
        case .missing:
            "the database has migration \(migration), which this program does not know; "
                + "start a newer version"
        case .duplicateName: "two migrations are named \(migration)"
        case .failed:
            "migration \(migration) failed and was rolled back: "
                + (underlying.map { String(describing: $0) } ?? "no cause given")
        case .endedTransaction:
            "migration \(migration) contains COMMIT or ROLLBACK, which it must not"
        }
    }
}
