/// One round trip: what was asked, and what has been answered so far. Pure bookkeeping.
struct Exchange: Sendable {
    enum Step: Sendable, Equatable {
        case prepare(sql: String, name: String)
        /// BEGIN and its settings: results are not the caller's.
        case preamble
        case statement
    }

    enum Mode: Sendable { case pipeline, script }

    let mode: Mode
    private let steps: [Step]
    private var position = 0
    private var silences = 0
    private(set) var isComplete = false
    private(set) var results: [QueryResult] = []
    /// The first error; what follows it in the batch was skipped by the server.
    private(set) var failure: PostgresError?
    /// Statements whose preparation the server confirmed.
    private(set) var prepared: [(sql: String, name: String)] = []
    /// True when the connection cannot be used further although it is still open.
    private(set) var isConfused = false

    init(_ mode: Mode, steps: [Step] = []) {
        self.mode = mode
        self.steps = steps
        results.reserveCapacity(steps.count)
    }

    /// A result, or nil for libpq's "no more results of this command".
    mutating func receive(_ result: ResultTable?) {
        guard let result else { return receiveSilence() }
        silences = 0
        switch result.status {
        case .pipelineSync:
            isComplete = true
        case .failure:
            fail(result.error)
        case .pipelineAborted:
            break
        case .unsupported:
            fail(PostgresError(.invalidStatement, "COPY is not supported"))
            isConfused = true
            isComplete = true
        case .rows, .command:
            accept(result)
        }
    }

    private mutating func accept(_ result: ResultTable) {
        guard mode == .pipeline, position < steps.count else {
            results.append(QueryResult(result))
            return
        }
        switch steps[position] {
        case .prepare(let sql, let name): prepared.append((sql, name))
        case .preamble: break
        case .statement: results.append(QueryResult(result))
        }
    }

    /// In a pipeline a nil ends one command, and two in a row mean that libpq expects nothing more
    /// although the sync point has not been seen. That happens when the error comes from the sync
    /// point itself (a deferred constraint): the error is true, the connection out of step.
    private mutating func receiveSilence() {
        guard mode == .pipeline else {
            isComplete = true
            return
        }
        position += 1
        silences += 1
        if silences > 1 {
            isConfused = true
            isComplete = true
            if failure == nil {
                fail(PostgresError(.connectionLost, "the server's answers ended too early"))
            }
        }
    }

    /// Keeps the first error only: the later ones follow from it.
    mutating func fail(_ error: PostgresError) {
        if failure == nil { failure = error }
    }
}
