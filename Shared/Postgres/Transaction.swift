import Synchronization

/// A transaction under way, valid inside the body given to `Pool.transaction`.
///
/// BEGIN is not sent by itself: it rides with the first batch, and a body that sends nothing costs
/// no round trip.
package final class Transaction: Sendable {
    private struct State {
        var isEnded = false
        var isBegun = false
        /// Set by `pipelineAndCommit`: how COMMIT ended.
        var commitOutcome: Result<Void, PostgresError>?
        var streams = 0
        var hooks: [@Sendable () -> Void] = []
    }

    private let connection: Connection
    private let options: TransactionOptions
    private let state = Mutex(State())

    init(_ connection: Connection, _ options: TransactionOptions) {
        self.connection = connection
        self.options = options
    }

    /// Runs one statement; its rows.
    package func query(_ statement: Statement) async throws(PostgresError) -> [Row] {
        try await pipeline([statement]).first?.rows ?? []
    }

    /// Returns how many rows were inserted, changed, deleted or returned.
    @discardableResult
    package func execute(_ statement: Statement) async throws(PostgresError) -> Int {
        try await pipeline([statement]).first?.affected ?? 0
    }

    /// Sends all statements in one round trip and returns one result for each. After an error the
    /// server skips the rest, and the transaction can only be rolled back.
    @discardableResult
    package func pipeline(
        _ statements: [Statement]
    ) async throws(PostgresError) -> [QueryResult] {
        guard !statements.isEmpty else { return [] }
        let isEnded = state.withLock { state in
            if !state.isEnded { state.isBegun = true }
            return state.isEnded
        }
        guard !isEnded else {
            throw PostgresError(.closed, "the transaction is over; its body has returned")
        }
        return try await connection.run(statements, preamble: options.preamble)
    }

    /// The last batch with COMMIT behind it, in one round trip: for bodies whose statements carry
    /// their own conditions, since nothing can be undone afterwards. After an error of a statement
    /// the transaction is rolled back.
    @discardableResult
    package func pipelineAndCommit(
        _ statements: [Statement]
    ) async throws(PostgresError) -> [QueryResult] {
        let isEnded = state.withLock { state in
            let isEnded = state.isEnded
            state.isEnded = true
            state.isBegun = true
            return isEnded
        }
        guard !isEnded else {
            throw PostgresError(.closed, "the transaction is over")
        }
        do throws(PostgresError) {
            var results = try await connection.run(
                statements + [Statement("COMMIT")], preamble: options.preamble, isShielded: true)
            try Self.checkCommit(results.popLast())
            state.withLock { $0.commitOutcome = .success(()) }
            return results
        } catch {
            let failure = Self.commitFailure(error)
            state.withLock { $0.commitOutcome = .failure(failure) }
            throw failure
        }
    }

    /// Runs a query through a server-side cursor: `body` gets at most `batch` rows at a time, so
    /// memory does not grow with the result. Ends when the rows do, or when `body` throws.
    package func stream(
        _ statement: Statement, batch: Int = 500, _ body: ([Row]) async throws -> Void
    ) async throws {
        precondition(batch > 0, "a batch holds at least one row")
        let number = state.withLock { state in
            state.streams += 1
            return state.streams
        }
        let cursor = "stream_\(number)"
        let fetch = Statement("FETCH FORWARD \(batch) FROM \(cursor)")
        let opened = try await pipeline([
            Statement(
                "DECLARE \(cursor) NO SCROLL CURSOR FOR \(statement.sql)", statement.parameters,
                isPrepared: false),
            fetch,
        ])
        var rows = opened.last?.rows ?? []
        while !rows.isEmpty {
            try await body(rows)
            guard rows.count == batch else { break }
            rows = try await query(fetch)
        }
        try await execute(Statement("CLOSE \(cursor)"))
    }

    /// Runs after COMMIT has succeeded, never after a rollback or an unknown outcome. Hooks must
    /// return at once: wake a worker, count something.
    package func afterCommit(_ hook: @escaping @Sendable () -> Void) {
        state.withLock { $0.hooks.append(hook) }
    }
}

// MARK: The end, for Pool only

extension Transaction {
    /// True once `pipelineAndCommit` has succeeded.
    var isCommitted: Bool {
        state.withLock { state in
            if case .success = state.commitOutcome { true } else { false }
        }
    }

    /// Returns only when the server has confirmed the commit.
    func commit() async throws(PostgresError) {
        guard end() else { return }
        if let outcome = state.withLock({ $0.commitOutcome }) { return try outcome.get() }
        // Ended before COMMIT was sent: then nothing was committed, and that is known.
        guard connection.isOpen else {
            throw PostgresError(.connectionLost, "the connection ended before COMMIT was sent")
        }
        let answer: [QueryResult]
        do throws(PostgresError) {
            answer = try await connection.run([Statement("COMMIT")], isShielded: true)
        } catch {
            throw Self.commitFailure(error)
        }
        try Self.checkCommit(answer.first)
    }

    /// A failed transaction answers COMMIT with ROLLBACK, and that is no error in the protocol.
    private static func checkCommit(_ answer: QueryResult?) throws(PostgresError) {
        guard answer?.commandTag == "COMMIT" else {
            throw PostgresError(
                .rolledBack, "COMMIT was answered by \(answer?.commandTag ?? "nothing")")
        }
    }

    /// Once COMMIT may have been sent, a silent end says nothing about the outcome.
    private static func commitFailure(_ error: PostgresError) -> PostgresError {
        switch error.code {
        case .connectionLost, .timeout:
            PostgresError(
                .commitUnknown, "the connection ended before COMMIT was answered",
                underlying: error)
        default: error
        }
    }

    /// Undoes what was done. Never throws: a connection that cannot roll back is closed by the
    /// pool, and the server then rolls back by itself.
    func rollback() async {
        guard end(), connection.isOpen, await connection.transactionStatus != .idle else { return }
        do throws(PostgresError) {
            _ = try await connection.run([Statement("ROLLBACK")], isShielded: true)
        } catch {
            await connection.close()
        }
    }

    /// Runs the hooks registered with `afterCommit`, in order.
    func runHooks() {
        let hooks = state.withLock { state in
            let hooks = state.hooks
            state.hooks = []
            return hooks
        }
        for hook in hooks { hook() }
    }

    /// True when something was sent, so COMMIT or ROLLBACK is due.
    private func end() -> Bool {
        state.withLock { state in
            state.isEnded = true
            return state.isBegun
        }
    }
}
