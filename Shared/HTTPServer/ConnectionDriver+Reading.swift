import Basics
import HTTP
import Sockets

/// A refusal that the parser does not know of.
struct Refusal: Error {
    let problem: Problem

    static let slow = Refusal(
        problem: Problem(
            status: 408, code: "request_timeout", detail: "The request came too slowly."))

    static let incomplete = Refusal(
        problem: Problem(
            status: 400, code: "incomplete_message", detail: "The message ended too early."))

    static let overloaded = Refusal(
        problem: .unavailable("overloaded", "Too many request bodies are under way."))
}

extension ConnectionDriver {
    /// What follows the request that was answered last.
    enum Next {
        case request(RequestHead)
        /// The bytes that are there are no whole head.
        case waits
        /// Nothing has come of one: the connection waits without a task.
        case parked
        /// There will be none.
        case over
    }

    /// The next head, from what has come so far.
    func nextHead() throws -> Next {
        while true {
            if let head = try parser.nextHead() { return .request(head) }
            if headDeadline == nil, !parser.isIdle {
                phase = .reading
                headDeadline = Deadline(loop.now.advanced(by: shared.limits.headTimeout))
            }
            if channel.bufferedCount == 0 {
                let hasBegun = headDeadline != nil
                if !mayTakeRequests, !hasBegun { return .over }
                if channel.peerEnd == .finished { return .over }
                return try !hasBegun && park() ? .parked : .waits
            }
            feedParser()
        }
    }

    /// Until there is more of a head, or its time is over (H84).
    func waitForHead() async throws {
        guard let failure = await channel.suspendReader(until: headDeadline) else { return }
        guard failure.code == .timeout else { throw failure }
        if channel.bufferedCount == 0 { throw Refusal.slow }
    }

    /// Waits for bytes and gives them to the parser. False at the client's orderly end.
    private func receive(until deadline: Deadline) async throws(SocketError) -> Bool {
        guard try await channel.waitForInput(until: deadline) else { return false }
        feedParser()
        return true
    }

    private func feedParser() {
        let empty = spare
        spare = []
        let bytes = channel.exchangeInput(empty)
        spare = parser.append(taking: bytes)
    }

    /// The whole body, at most as large as the route allows.
    func readBody(of head: RequestHead) async throws -> [UInt8] {
        var pace = BodyPace(shared, isStreamed: false)
        var body: [UInt8] = []
        var awaitsContinue = head.asksToContinue
        while true {
            switch try parser.next() {
            case .body(let bytes):
                try hold(bytes.count)
                if body.isEmpty { body = bytes } else { body += bytes }
                pace.received += bytes.count
            case .end: return body
            case .head: throw Refusal.incomplete
            case nil:
                let start = loop.now
                try await receiveBody(until: pace.deadline(from: start), &awaitsContinue)
                pace.waited += loop.now - start
            }
        }
    }

    /// Waits for more of a body, and tells a client that waits for it to go on.
    private func receiveBody(until deadline: Deadline, _ awaitsContinue: inout Bool) async throws {
        if awaitsContinue {
            awaitsContinue = false
            // A client that sent the body already does not need it (RFC 9110 §10.1.1).
            if parser.bufferedCount == 0, channel.bufferedCount == 0 {
                try await channel.write(ResponseWriter.continueHead)
            }
        }
        let hasMore: Bool
        do throws(SocketError) {
            hasMore = try await receive(until: deadline)
        } catch {
            guard error.code == .timeout else { throw error }
            throw Refusal.slow
        }
        // An end in the middle: no handler sees the body as complete (H65, H75).
        guard hasMore else { throw Refusal.incomplete }
    }
}

// MARK: Streamed bodies

/// A body that its handler reads.
struct StreamedBody {
    var pace: BodyPace
    var awaitsContinue: Bool
    var isOver = false
    var isReading = false
    /// The head of the answer is on its way.
    var isAnswered = false
    /// A piece that was found before anybody asked for it.
    var early: [UInt8]?
    /// What the reader was told last; it is told again, and nothing more is read.
    var failure: Problem?
}

/// The handler's end of a streamed body: good for one request, however long it is kept, and from
/// anywhere.
actor ConnectionBody: RequestBodySource {
    private nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let driver: ConnectionDriver
    private let request: Int

    init(_ driver: ConnectionDriver, request: Int) {
        loop = driver.loop
        self.driver = driver
        self.request = request
    }

    /// The handler's body above may run anywhere; this is back on the loop.
    private func nextPieceOnLoop() async throws -> [UInt8]? {
        try await driver.nextPiece(ofRequest: request)
    }

    func nextBodyPiece() async throws -> [UInt8]? {
        let (loop, channel) = (driver.loop, driver.channel)
        return try await withTaskCancellationHandler {
            try await nextPieceOnLoop()
        } onCancel: {
            // Of a part of the serving task, perhaps, which goes on itself.
            loop.execute { channel.wakeReader() }
        }
    }
}

extension ConnectionDriver {
    func beginStreamedBody(of head: RequestHead) -> ConnectionBody {
        streamed = StreamedBody(
            pace: BodyPace(shared, isStreamed: true), awaitsContinue: head.asksToContinue)
        return ConnectionBody(self, request: served)
    }

    /// False when a part of the body is unread while the answer begins: then nobody can find the next
    /// request in time, so the answer says `Connection: close`. A handler may go on reading while it
    /// streams its answer.
    func streamedBodyIsOver() -> Bool {
        guard let body = streamed else { return true }
        if body.isOver { return true }
        guard body.failure == nil, !body.isReading, !body.awaitsContinue else { return false }
        // A body that has arrived whole may just not have been asked for its end.
        do {
            switch try parser.next() {
            case .end: break
            case .body(let bytes):
                streamed?.early = bytes
                return false
            case .head, nil: return false
            }
        } catch {
            streamed?.failure = error.problem
            return false
        }
        streamed?.isOver = true
        return true
    }

    /// The next piece of the body of the request with this number; nil at its end.
    func nextPiece(ofRequest number: Int) async throws -> [UInt8]? {
        guard number == served, let body = streamed else { throw Self.over }
        if let failure = body.failure { throw failure }
        if body.isOver { return nil }
        guard !body.isReading else {
            throw Problem(status: 500, code: "internal", detail: "A body has one reader at a time.")
        }
        if let early = body.early {
            streamed?.early = nil
            return received(early)
        }
        streamed?.isReading = true
        defer { streamed?.isReading = false }
        do {
            while true {
                switch try parser.next() {
                case .body(let bytes): return received(bytes)
                case .end:
                    streamed?.isOver = true
                    return nil
                case .head: throw Refusal.incomplete
                case nil: try await receiveMore(ofRequest: number)
                }
            }
        } catch let error as ParseError {
            throw failBody(error.problem)
        } catch let refusal as Refusal {
            throw failBody(refusal.problem)
        }
    }

    private func received(_ piece: [UInt8]) -> [UInt8] {
        streamed?.pace.received += piece.count
        // Whoever sends does not wait to be told.
        streamed?.awaitsContinue = false
        return piece
    }

    private func receiveMore(ofRequest number: Int) async throws {
        guard var body = streamed else { throw Self.over }
        // A client that waits for 100 has its answer, and need not send the body (RFC 9110 §10.1.1). A
        // 100 would stand in the middle of the answer.
        guard !body.awaitsContinue || !body.isAnswered else {
            throw Problem(
                status: 500, code: "internal",
                detail: "The body was not asked for before the answer began.")
        }
        let start = loop.now
        try await receiveBody(until: body.pace.deadline(from: start), &body.awaitsContinue)
        // The handler may have left its reader behind, and the connection gone on.
        guard number == served, streamed != nil else { throw Self.over }
        streamed?.pace.waited += loop.now - start
        streamed?.awaitsContinue = body.awaitsContinue
    }

    private static var over: Problem {
        Problem(status: 500, code: "internal", detail: "The request is over.")
    }

    private func failBody(_ problem: Problem) -> Problem {
        streamed?.failure = problem
        shared.instruments.refused(problem.code)
        return problem
    }
}

/// When a body is too slow: by its rate after a grace time, and by a time limit. Only the time that is
/// spent waiting for the client counts: a handler that reads slowly is not the client's fault.
struct BodyPace {
    private let shared: ServerState
    private let isStreamed: Bool
    var received = 0
    var waited = Duration.zero

    init(_ shared: ServerState, isStreamed: Bool) {
        self.shared = shared
        self.isStreamed = isStreamed
    }

    /// The end of a wait that begins now. A streamed body may take as long as its rate allows: its
    /// length is the route's business. Then the time limit is that of one wait.
    func deadline(from now: MonotonicInstant) -> Deadline {
        let limits = shared.limits
        let earned = Duration.milliseconds(
            Int64(received) * 1_000 / Int64(max(1, limits.bodyBytesPerSecondMin)))
        let total = isStreamed ? limits.bodyTimeout : limits.bodyTimeout - waited
        return Deadline(now.advanced(by: min(total, limits.bodyGrace + earned - waited)))
    }
}
