import Basics

/// What one exchange with the provider showed.
enum Exchange: Sendable, Equatable {
    /// An outcome of the operation itself, from a send, a query or a cancellation.
    case outcome(CallOutcome)
    /// A technical failure; `stored` when the provider says that it replayed it from the key.
    case serverError(stored: Bool)
    /// The same request is being carried out at the provider at this moment.
    case inProgress
    /// Nothing was heard: time-out, reset, refused connection, throttling.
    case silence(String)
    /// The provider knows nothing of the key.
    case notFound
    /// The provider will not take this request under this key: our own fault, for an operator.
    case rejected(String)
}

/// The order of steps that turns an unknown outcome into a known one without ever charging twice
/// (D12): the same key again; then a query; then a fence; and only behind the fence a new key.
struct KeyDiscipline: Sendable, Equatable {
    enum Move: Sendable, Equatable {
        /// The request, under its key, byte for byte as the first time.
        case send
        /// GET by key: what does the provider have on its books?
        case query
        /// Cancel by key: from here on a delayed request can have no effect.
        case cancel
        /// The outcome is certain.
        case settle(CallOutcome)
        /// Nothing is certain: the operation stays UNKNOWN and is taken up again after a back-off.
        case later(Note)
    }

    /// What the row keeps about an attempt without a certain outcome.
    struct Note: Sendable, Equatable {
        var error: String
        /// Consecutive technical failures under this key.
        var serverErrors = 0
        var isPending = false
        /// Only an operator can help; retries go on, slowly.
        var needsOperator = false
    }

    /// A provider that does not mark replayed failures: so many in a row count as stored.
    static let serverErrorsMax = 3

    /// The operation's memory: from the row, then from this run.
    struct History: Sendable, Equatable {
        var serverErrors = 0
        var isPending = false
        /// Since the first send; nil when nothing was ever sent.
        var age: Duration?
    }

    /// How long the provider certainly keeps a key.
    let keyTimeToLive: Duration
    /// Distance kept from that limit: a request may travel and wait.
    static let keyMargin = Duration.seconds(3600)

    func first(_ history: History) -> Move {
        if let age = history.age, age >= keyTimeToLive - Self.keyMargin { return .query }
        if history.isPending || history.serverErrors >= Self.serverErrorsMax { return .query }
        return .send
    }

    func next(after move: Move, _ exchange: Exchange, _ history: History) -> Move {
        switch move {
        case .send: afterSend(exchange, history)
        case .query: afterQuery(exchange, history)
        case .cancel: afterCancel(exchange, history)
        case .settle, .later: move
        }
    }

    private func afterSend(_ exchange: Exchange, _ history: History) -> Move {
        switch exchange {
        case .outcome(.pending):
            return .later(Note(error: "pending", isPending: true))
        case .outcome(.fenced):
            // An earlier run fenced the key and died: fetch the evidence again.
            return .cancel
        case .outcome(let outcome):
            return .settle(outcome)
        case .serverError(let stored):
            if stored || history.serverErrors + 1 >= Self.serverErrorsMax { return .query }
            return .later(
                Note(error: "server error", serverErrors: history.serverErrors + 1))
        case .inProgress:
            return .later(Note(error: "in progress", serverErrors: history.serverErrors))
        case .silence(let error):
            return .later(Note(error: error, serverErrors: history.serverErrors))
        case .notFound:
            return .later(Note(error: "not found", needsOperator: true))
        case .rejected(let error):
            return .later(Note(error: error, needsOperator: true))
        }
    }

    private func afterQuery(_ exchange: Exchange, _ history: History) -> Move {
        switch exchange {
        case .outcome(.pending):
            return .later(Note(error: "pending", isPending: true))
        case .outcome(.fenced):
            return .cancel
        case .outcome(let outcome):
            return .settle(outcome)
        case .notFound, .serverError(stored: true):
            // A negative answer alone is no proof: the request may still be on its way.
            return .cancel
        case .serverError(stored: false):
            return unknown("query: server error", history)
        case .inProgress:
            return unknown("query: in progress", history)
        case .silence(let error):
            return unknown("query: " + error, history)
        case .rejected(let error):
            return .later(Note(error: "query: " + error, needsOperator: true))
        }
    }

    private func afterCancel(_ exchange: Exchange, _ history: History) -> Move {
        switch exchange {
        case .outcome(.pending):
            return .later(Note(error: "pending", isPending: true))
        case .outcome(let outcome):
            return .settle(outcome)
        case .serverError:
            return unknown("cancel: server error", history)
        case .inProgress:
            return unknown("cancel: in progress", history)
        case .silence(let error):
            return unknown("cancel: " + error, history)
        case .notFound:
            return .later(Note(error: "cancel: not found", needsOperator: true))
        case .rejected(let error):
            return .later(Note(error: "cancel: " + error, needsOperator: true))
        }
    }

    /// Keeps what led to the query, so that the next run begins with it again.
    private func unknown(_ error: String, _ history: History) -> Move {
        .later(
            Note(
                error: error, serverErrors: max(history.serverErrors, Self.serverErrorsMax),
                isPending: history.isPending))
    }
}
