/// What went wrong between us and PostgreSQL; callers branch on `code`, people read `message`.
package struct PostgresError: Error, Sendable, CustomStringConvertible {
    /// What happened; each case says whether anything can have been committed.
    package enum Code: Sendable, Hashable {
        /// No connection could be made; names host, port, database and user, never the password.
        case connect(String)
        /// The connection ended while a statement was under way. Nothing of an open transaction
        /// remains; a single statement outside a transaction may or may not have taken effect.
        case connectionLost
        /// The connection ended while COMMIT was in flight: the server may have committed.
        case commitUnknown
        /// COMMIT was answered by ROLLBACK: an earlier statement of the transaction had failed.
        case rolledBack
        /// Every connection stayed busy until the caller's turn expired.
        case poolTimeout
        /// More callers wait for a connection than the pool allows.
        case poolOverloaded
        /// The server refused a statement; the five-character SQLSTATE tells why.
        case sql(state: String)
        /// A column is missing, NULL, or not of the asked type.
        case decoding
        /// A statement that cannot be sent: a NUL in text, or a limit passed.
        case invalidStatement
        /// The connection, transaction or pool has been closed before.
        case closed
        /// No answer within the client's own limit; the connection was given up.
        case timeout
        /// The calling task was cancelled; a connection with a statement under way was given up.
        case cancelled
    }

    /// What callers branch on.
    package let code: Code
    /// The server's primary message, or ours. Holds no column values.
    package let message: String
    /// The server's detail. It may quote column values, so it is not part of `description`.
    package let detail: String?
    /// The violated constraint, when the server names one.
    package let constraint: String?
    /// What caused it, when that is an error of its own.
    package let underlying: (any Error)?

    package init(
        _ code: Code, _ message: String, detail: String? = nil, constraint: String? = nil,
        underlying: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.detail = detail
        self.constraint = constraint
        self.underlying = underlying
    }

    /// The SQLSTATE, when the server gave one.
    package var sqlState: String? {
        if case .sql(let state) = code { state } else { nil }
    }

    /// True when the same transaction may succeed if simply tried again from its start:
    /// serialization failure, deadlock, lock not available (D15).
    package var isRetriable: Bool {
        switch sqlState {
        case "40001", "40P01", "55P03": true
        default: false
        }
    }

    /// True when the fault lies with the server or the way to it, not with the statement:
    /// back off and try later (D15).
    package var isUnavailable: Bool {
        switch code {
        case .connect, .connectionLost, .commitUnknown, .poolTimeout, .poolOverloaded, .timeout:
            true
        case .sql(let state): state.hasPrefix("53") || state.hasPrefix("57P")
        case .rolledBack, .decoding, .invalidStatement, .closed, .cancelled: false
        }
    }

    /// True for a unique violation (23505), of the named constraint if one is given.
    package func isUniqueViolation(of constraint: String? = nil) -> Bool {
        guard sqlState == "23505" else { return false }
        return constraint.map { $0 == self.constraint } ?? true
    }

    package var description: String {
        var text = "postgres \(label): \(message)"
        if let constraint { text += " (constraint \(constraint))" }
        if let underlying { text += "; cause: \(underlying)" }
        return text
    }

    private var label: String {
        switch code {
        case .connect(let place): "cannot connect to \(place)"
        case .connectionLost: "connection lost"
        case .commitUnknown: "commit outcome unknown"
        case .rolledBack: "rolled back"
        case .poolTimeout: "pool timeout"
        case .poolOverloaded: "pool overloaded"
        case .sql(let state): "error \(state)"
        case .decoding: "decoding"
        case .invalidStatement: "invalid statement"
        case .closed: "closed"
        case .timeout: "timeout"
        case .cancelled: "cancelled"
        }
    }
}
