import Basics

/// How a transaction runs; the default is READ COMMITTED with the session's limits (D18).
package struct TransactionOptions: Sendable {
    /// SQL isolation levels; READ COMMITTED with explicit locks is the rule (D18).
    package enum Isolation: String, Sendable {
        case readCommitted = "READ COMMITTED"
        case repeatableRead = "REPEATABLE READ"
        case serializable = "SERIALIZABLE"
    }

    /// What it is for, in a few words and without any value: names its span.
    package var name: String
    /// What the transaction sees of others.
    package var isolation: Isolation
    /// Refuses writes; cheap, and states the intent.
    package var isReadOnly: Bool
    /// Waits for one lock at most; nil keeps the session's `lock_timeout`. Whole milliseconds.
    package var lockTimeout: Duration?
    /// False answers before the log is on disk: a crash of the server may lose the transaction.
    package var synchronousCommit: Bool

    package init(
        _ name: String = "transaction", isolation: Isolation = .readCommitted, readOnly: Bool = false,
        lockTimeout: Duration? = nil, synchronousCommit: Bool = true
    ) {
        self.name = name
        self.isolation = isolation
        isReadOnly = readOnly
        self.lockTimeout = lockTimeout
        self.synchronousCommit = synchronousCommit
    }

    /// BEGIN and its settings; they travel with the first batch.
    var preamble: [Statement] {
        var begin = "BEGIN"
        if isolation != .readCommitted { begin += " ISOLATION LEVEL \(isolation.rawValue)" }
        if isReadOnly { begin += " READ ONLY" }
        var statements = [Statement(begin)]
        if let lockTimeout {
            // At least 1: zero would mean "no limit".
            let milliseconds = max(1, lockTimeout.inMilliseconds)
            statements.append(Statement("SET LOCAL lock_timeout = \(milliseconds)"))
        }
        if !synchronousCommit { statements.append(Statement("SET LOCAL synchronous_commit = off")) }
        return statements
    }
}
