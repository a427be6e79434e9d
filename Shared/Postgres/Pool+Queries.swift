import Telemetry

/// What callers do with a pool. These run where their caller runs; only waiting for a connection
/// and the commands themselves are on the loop.
///
/// Names are for traces: what the statements are for, in a few words and without any value.
extension Pool {
    /// One statement in a transaction of its own.
    package nonisolated func query(
        _ statement: Statement, as name: String = "query"
    ) async throws(PostgresError) -> [Row] {
        try await batch([statement], as: name).first?.rows ?? []
    }

    /// One statement in a transaction of its own; returns the rows it touched. After
    /// `connectionLost` or `timeout` it may or may not have taken effect.
    @discardableResult
    package nonisolated func execute(
        _ statement: Statement, as name: String = "query"
    ) async throws(PostgresError) -> Int {
        try await batch([statement], as: name).first?.affected ?? 0
    }

    /// Several statements in one implicit transaction and one round trip: all or nothing.
    @discardableResult
    package nonisolated func batch(
        _ statements: [Statement], as name: String = "query"
    ) async throws(PostgresError) -> [QueryResult] {
        guard !statements.isEmpty else { return [] }
        let span = spans.start(name, .batch)
        do throws(PostgresError) {
            let results = try await runBatch(statements)
            span?.end()
            return results
        } catch {
            span?.end(failed: error)
            throw error
        }
    }

    private nonisolated func runBatch(
        _ statements: [Statement]
    ) async throws(PostgresError) -> [QueryResult] {
        let connection = try await acquire()
        do throws(PostgresError) {
            let results = try await connection.run(statements)
            await release(connection)
            return results
        } catch {
            await release(connection)
            throw error
        }
    }

    /// Lends a connection for the time of `body`, for several statements on one session. A
    /// connection left inside a transaction is closed, not returned.
    package nonisolated func withConnection<Value>(
        _ body: (Connection) async throws -> Value
    ) async throws -> Value {
        let connection = try await acquire()
        do {
            let value = try await body(connection)
            await release(connection)
            return value
        } catch {
            await release(connection)
            throw error
        }
    }

    /// Runs `body` in a transaction and returns only after COMMIT has succeeded.
    ///
    /// An error of `body` rolls back and is thrown on. `PostgresError.commitUnknown` means that the
    /// connection ended while COMMIT was in flight: the caller must find out, or repeat something
    /// idempotent. No network call belongs into `body` (D18): it would hold connection and locks.
    package nonisolated func transaction<Value>(
        _ options: TransactionOptions = .init(),
        _ body: (Transaction) async throws -> Value
    ) async throws -> Value {
        guard let span = spans.start(options.name, .transaction) else {
            return try await runTransaction(options, body)
        }
        return try await span.run { _ in try await runTransaction(options, body) }
    }

    private nonisolated func runTransaction<Value>(
        _ options: TransactionOptions, _ body: (Transaction) async throws -> Value
    ) async throws -> Value {
        let connection = try await acquire()
        let transaction = Transaction(connection, options)
        let value: Value
        do {
            value = try await body(transaction)
        } catch {
            // An error after `pipelineAndCommit` undoes nothing.
            if !transaction.isCommitted { await transaction.rollback() }
            await release(connection)
            if transaction.isCommitted { transaction.runHooks() }
            throw error
        }
        do throws(PostgresError) {
            try await transaction.commit()
        } catch {
            // After `pipelineAndCommit` with an error the server waits for ROLLBACK.
            await transaction.rollback()
            await release(connection)
            throw error
        }
        await release(connection)
        transaction.runHooks()
        return value
    }
}

/// What callers do with a connection of their own.
extension Connection {
    /// One statement; its rows.
    package func query(_ statement: Statement) async throws(PostgresError) -> [Row] {
        try await run([statement]).first?.rows ?? []
    }

    /// One statement; how many rows it touched.
    @discardableResult
    package func execute(_ statement: Statement) async throws(PostgresError) -> Int {
        try await run([statement]).first?.affected ?? 0
    }

    /// One round trip and, unless a transaction is open, one implicit transaction.
    @discardableResult
    package func pipeline(
        _ statements: [Statement]
    ) async throws(PostgresError) -> [QueryResult] {
        guard !statements.isEmpty else { return [] }
        return try await run(statements)
    }
}
