package import HTTP
package import Postgres

/// What a client sees of the database's errors, the same in every service.
///
/// A database that is away or too busy is worth another try: 503 with `Retry-After`. So is a COMMIT
/// without an answer; a client with an idempotency key then learns what happened. Everything else
/// is a mistake of ours: 500, and in the log.
extension PostgresError: ProblemConvertible {
    /// 503 `database_unavailable`, or 500 `internal`.
    package var problem: Problem {
        guard isUnavailable || isRetriable else { return .internalError }
        return .unavailable("database_unavailable", "The database cannot be reached now.")
    }
}
