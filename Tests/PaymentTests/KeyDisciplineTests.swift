import Testing

@testable import PaymentService

/// D12: the same key, then a query, then a fence, and only then another key.
@Suite struct KeyDisciplineTests {
    let discipline = KeyDiscipline(keyTimeToLive: .seconds(24 * 3600))
    typealias Move = KeyDiscipline.Move
    typealias History = KeyDiscipline.History
    typealias Note = KeyDiscipline.Note

    func after(_ move: Move, _ exchange: Exchange, _ history: History = History()) -> Move {
        discipline.next(after: move, exchange, history)
    }

    @Test func `a fresh operation and an unknown one are sent under the same key`() {
        #expect(discipline.first(History()) == .send)
        #expect(discipline.first(History(age: .seconds(60))) == .send)
    }

    @Test func `an hour before the key runs out it is queried instead of sent`() {
        #expect(discipline.first(History(age: .seconds(23 * 3600 - 1))) == .send)
        #expect(discipline.first(History(age: .seconds(23 * 3600))) == .query)
    }

    @Test func `a time-out leaves the operation unknown and never changes the key`() {
        let move = after(.send, .silence("timeout"))
        #expect(move == .later(Note(error: "timeout")))
    }

    @Test func `an answer settles`() {
        #expect(
            after(.send, .outcome(.done(reference: "a"))) == .settle(.done(reference: "a")))
        #expect(
            after(.query, .outcome(.refused(reason: "r"))) == .settle(.refused(reason: "r")))
    }

    @Test func `a stored failure is looked up, an unmarked one is sent again twice`() {
        #expect(after(.send, .serverError(stored: true)) == .query)
        #expect(
            after(.send, .serverError(stored: false))
                == .later(Note(error: "server error", serverErrors: 1)))
        #expect(after(.send, .serverError(stored: false), History(serverErrors: 2)) == .query)
        #expect(discipline.first(History(serverErrors: 3)) == .query)
    }

    @Test func `a query that finds nothing, or a failure, leads to the fence and never to a new key`()
    {
        #expect(after(.query, .notFound) == .cancel)
        #expect(after(.query, .serverError(stored: true)) == .cancel)
        #expect(
            after(.query, .silence("timeout"))
                == .later(Note(error: "query: timeout", serverErrors: 3)))
    }

    @Test func `only a confirmed cancellation is a fence`() {
        let fenced = CallOutcome.fenced(evidence: "e")
        #expect(after(.cancel, .outcome(fenced)) == .settle(fenced))
        #expect(
            after(.cancel, .silence("timeout"))
                == .later(Note(error: "cancel: timeout", serverErrors: 3)))
        #expect(
            after(.cancel, .outcome(.done(reference: "late"))) == .settle(.done(reference: "late")))
    }

    @Test func `a key found cancelled by an earlier run is cancelled again for its evidence`() {
        #expect(after(.send, .outcome(.fenced(evidence: ""))) == .cancel)
        #expect(after(.query, .outcome(.fenced(evidence: ""))) == .cancel)
    }

    @Test func `pending is kept, and asked about instead of sent again`() {
        #expect(
            after(.send, .outcome(.pending)) == .later(Note(error: "pending", isPending: true)))
        #expect(discipline.first(History(isPending: true)) == .query)
    }

    @Test func `a rejected request calls an operator and keeps its key`() {
        #expect(
            after(.send, .rejected("key reused"))
                == .later(Note(error: "key reused", needsOperator: true)))
    }
}
