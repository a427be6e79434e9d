import Sockets

extension Connection {
    /// One round trip: `preamble` if no transaction is open yet, then the statements. Returns one
    /// result per statement, or the first error.
    ///
    /// Cancelling the task ends the connection, unless `isShielded`: a COMMIT or ROLLBACK is seen
    /// through, within the answer limit.
    func run(
        _ statements: [Statement], preamble: [Statement] = [], isShielded: Bool = false
    ) async throws(PostgresError) -> [QueryResult] {
        guard statements.count <= Self.batchMax else {
            throw PostgresError(
                .invalidStatement, "\(statements.count) statements; at most \(Self.batchMax)")
        }
        for statement in statements { try statement.validate() }
        await takeTurn()
        defer { passTurn() }
        try requireIdle()
        // Nothing is sent yet, so the connection stays good.
        if Task.isCancelled, !isShielded { throw PostgresError(.cancelled, "cancelled before") }
        let begin = handle.transactionStatus == .idle ? preamble : []
        guard let exchange = send(begin, statements) else { throw sendFailure() }
        return try await finish(exchange, isShielded: isShielded)
    }

    /// Several statements in one text by the simple protocol, as a migration file holds them.
    func runScript(_ sql: String) async throws(PostgresError) -> [QueryResult] {
        guard !sql.utf8.contains(0) else {
            throw PostgresError(.invalidStatement, "the script contains a NUL")
        }
        await takeTurn()
        defer { passTurn() }
        try requireIdle()
        guard handle.exitPipeline(), handle.sendScript(sql) else { throw sendFailure() }
        let outcome: Result<[QueryResult], PostgresError>
        do throws(PostgresError) {
            outcome = .success(try await finish(Exchange(.script), isShielded: false))
        } catch {
            outcome = .failure(error)
        }
        if case .idle = state, !handle.enterPipeline() { _ = sendFailure() }
        return try outcome.get()
    }

    /// Statements in one batch at most: libpq buffers the batch in memory.
    static let batchMax = 10_000

    func send(_ preamble: [Statement], _ statements: [Statement]) -> Exchange? {
        var steps: [Exchange.Step] = []
        var planned: [String: String] = [:]
        for (index, statement) in (preamble + statements).enumerated() {
            let kind: Exchange.Step = index < preamble.count ? .preamble : .statement
            let isSent: Bool
            switch cache.plan(statement, planned: &planned) {
            case .known(let name):
                isSent = handle.sendPrepared(name: name, statement.parameters)
            case .prepare(let name):
                steps.append(.prepare(sql: statement.sql, name: name))
                isSent =
                    handle.sendPrepare(name: name, sql: statement.sql)
                    && handle.sendPrepared(name: name, statement.parameters)
            case .unprepared:
                isSent = handle.sendUnprepared(statement.sql, statement.parameters)
            }
            guard isSent else { return nil }
            steps.append(kind)
        }
        return handle.sendSync() ? Exchange(.pipeline, steps: steps) : nil
    }

    /// Half a batch may be in libpq's buffer, so the connection is of no more use.
    func sendFailure() -> PostgresError {
        let error = PostgresError(.connectionLost, handle.message)
        end(error)
        return error
    }

    func requireIdle() throws(PostgresError) {
        switch state {
        case .idle: return
        case .closed(let error): throw error
        case .connecting, .busy: throw PostgresError(.closed, "the connection is not ready")
        }
    }

    func finish(
        _ exchange: Exchange, isShielded: Bool
    ) async throws(PostgresError) -> [QueryResult] {
        operations += 1
        let number = operations
        let answer: Exchange
        if isShielded {
            answer = await begin(exchange, number, isShielded: true)
        } else {
            answer = await withTaskCancellationHandler {
                await begin(exchange, number, isShielded: false)
            } onCancel: {
                loop.execute { self.assumeIsolated { $0.abandon(number) } }
            }
        }
        for entry in answer.prepared { cache.prepared(sql: entry.sql, name: entry.name) }
        if let failure = answer.failure {
            // "cached plan must not change result type", or a name the server does not know: the
            // schema changed under our prepared statements.
            if failure.sqlState == "0A000" || failure.sqlState == "26000" { mustRetire = true }
            throw failure
        }
        return answer.results
    }

    func begin(_ exchange: Exchange, _ number: UInt64, isShielded: Bool) async -> Exchange {
        await withCheckedContinuation { continuation in
            state = .busy(
                Operation(number: number, exchange: exchange, continuation: continuation))
            if let limit = limits.answer { arm(limit) }
            writeOut()
            // The handler of a task cancelled just before this found no command to give up.
            if !isShielded, Task.isCancelled { abandon(number) }
        }
    }

    /// The task of command `number` was cancelled. If that command is over, nothing happens.
    func abandon(_ number: UInt64) {
        guard case .busy(let operation) = state, operation.number == number else { return }
        end(
            PostgresError(.cancelled, "cancelled while a statement was under way"),
            stopStatement: true)
    }

    func takeTurn() async {
        guard isTaken else {
            isTaken = true
            return
        }
        await withCheckedContinuation { turns.append($0) }
    }

    func passTurn() {
        if turns.isEmpty {
            isTaken = false
        } else {
            turns.removeFirst().resume()
        }
    }
}
