import Basics
import HTTP
import Sockets
import Telemetry

/// Serves one connection: read a request, answer it, and again (RFC 9112 §9.3).
///
/// Requests are answered one after the other, so pipelined ones are answered in order (§9.3.2).
/// The task that serves also runs the handlers: cancelling it, when the client is gone or a
/// drain is over, cancels whatever is under way.
///
/// A request that fits into what was received at once, with an answer that the kernel takes at once,
/// costs one system call for each of the two and nothing from the heap: the parser, the buffers and
/// the timer are the connection's own and go round. Between two requests it has no task (`park`), and
/// after a while no buffers either (`cool`).
///
/// No actor: between two functions of one actor and those of none the runtime looks up who executes
/// what, which costs more than reading a request.
// Reason: used on the loop's thread only; its task prefers the loop, and the rest are its callbacks.
final class ConnectionDriver: @unchecked Sendable {
    /// Where the connection is; for draining and for what a cancellation means.
    enum Phase {
        /// Between requests, nothing of the next one received. Goes to `reading` or `parked`.
        case idle
        /// Between requests without a task; the channel calls `awake`. Goes to `idle`.
        case parked
        /// Goes to `handling`.
        case reading
        /// Goes to `streaming` or `idle`.
        case handling
        /// A streamed body is being written. Goes to `idle`.
        case streaming
        /// The last response is out, or the request was refused.
        case closing
    }

    /// A body up to this size leaves in one piece with its head.
    static let joinedBodyMax = 16 * 1_024
    /// A larger buffer is not kept between two answers.
    static let keptBufferMax = 4 * 1_024

    let loop: EventLoop
    /// The connection: of the same loop, so it is called directly.
    let channel: TCPChannel
    /// The same for what may be anywhere: the writers of a streamed answer.
    let connection: TCPConnection
    let shared: ServerState
    private let isOver: @Sendable () -> Void
    var parser: RequestParser
    /// An empty buffer that the connection receives into next.
    var spare: [UInt8] = []
    /// Where answers are put together.
    var output: [UInt8] = []
    var phase = Phase.idle
    /// Serves, unless the connection is parked.
    private var runner: Runner?
    /// The handshake.
    private var preparing: Task<Void, Never>?
    /// Without buffers; see `cool`.
    private var isCold = false
    private var idleEnd: MonotonicInstant
    /// Called by the channel while the connection is parked. Kept, as it is needed for every request.
    private var wake: @Sendable (SocketError?) -> Void = { _ in }
    var isDraining = false
    var served = 0
    /// Requests answered in a row without waiting for the client.
    var inARow = 0
    /// Body bytes of the current request that the server's budget holds for it.
    var held = 0
    /// Of the request under way, for the refusal of a HEAD.
    var method = Method.get
    private var halfCloseTimer: TimerToken?
    /// The client wanted the connection to end with the last answer, and has sent all that it will.
    private var clientIsDone = false
    /// The body of the request under way was not even asked for.
    var leavesBody = false
    /// The body that the handler of the request under way reads by itself.
    var streamed: StreamedBody?
    /// When the head under way must be complete; nil while nothing of it has come.
    var headDeadline: Deadline?
    /// The last request, filled again for the next one when nobody has kept it.
    private var request: Request?

    /// `isOver` is called once, when the connection is closed.
    init(
        _ connection: TCPConnection, _ shared: ServerState, isOver: @escaping @Sendable () -> Void
    ) {
        self.connection = connection
        channel = connection.channel
        self.shared = shared
        self.isOver = isOver
        parser = RequestParser(limits: shared.limits.parsing)
        loop = connection.loop
        idleEnd = connection.loop.now
        // `end` breaks this cycle and that of `watchPeer`. A weak reference would have every
        // reference to the driver counted in a table beside it.
        wake = { self.awake($0) }
    }

    var limits: ServerLimits { shared.limits }
    var isStreaming: Bool { phase == .streaming }

    // MARK: Life

    /// Begins to serve, after `prepare` (a handshake) has said that it may.
    func start(after prepare: (@Sendable () async -> Bool)? = nil) {
        guard let prepare else { return shared.runners.add(self) }
        // Reason: a connection outlives the cancellation of the server's `run`, so that requests under
        // way can finish; the server waits for the end of every connection.
        preparing = Task(executorPreference: loop) {
            let mayServe = await prepare()
            self.preparing = nil
            if mayServe { self.shared.runners.add(self) } else { self.end() }
        }
    }

    /// Cancels whatever is under way.
    func cancel() {
        preparing?.cancel()
        runner?.cancel()
        channel.interrupt()
    }

    /// No request is taken after the one under way.
    func drain() {
        isDraining = true
        if phase == .parked { return end() }
        guard phase == .idle, parser.isIdle else { return }
        // Bytes that have arrived are a request that may still be answered.
        if channel.bufferedCount == 0 { channel.close() }
    }

    private func end() {
        if isCold { shared.instruments.parked.add(-1) }
        isCold = false
        phase = .closing
        runner = nil
        giveBackBudget()
        if let halfCloseTimer { loop.cancel(halfCloseTimer) }
        channel.close()
        wake = { _ in }
        isOver()
    }

    /// Until the client or a limit ends the connection, or it is parked.
    ///
    /// What needs no waiting is done in plain calls: each asynchronous one costs as much as reading
    /// three header lines.
    func serve(as runner: Runner) async {
        guard !channel.isInterrupted else { return end() }
        self.runner = runner
        do {
            if served == 0 { try watchPeer() }
            while true {
                if phase == .handling || phase == .streaming { beginNext() }
                switch try nextHead() {
                case .request(let head):
                    if countPipelined(waited: headDeadline != nil) {
                        // A timer is due after the next look at the sockets; a yield would come
                        // back before it.
                        try await loop.sleep(for: .zero)
                    }
                    let match = accept(head)
                    let request =
                        if !head.hasBody { filled(head) } else {
                            try await withBody(head, match)
                        }
                    phase = .handling
                    let routes = shared.routes
                    routes.prepare(request, for: match)
                    let response: Response
                    do {
                        response = try await routes.outermost(request, routes.inner)
                    } catch {
                        response = routes.response(to: error, for: request)
                    }
                    giveBackBudget()
                    guard !runner.isCancelled else { throw CancellationError() }
                    let sending = try beginWriting(response, to: head)
                    if !sending.isOver { try await finishWriting(response, sending) }
                    recycleOutput()
                    guard isKept(after: head, sending) else {
                        phase = .closing
                        if !clientIsDone { await linger() }
                        return end()
                    }
                case .waits: try await waitForHead()
                case .parked: return
                case .over:
                    // The answer before may still be on its way to a client that has sent more.
                    if isDraining { await linger() }
                    return end()
                }
            }
        } catch let error as ParseError where mayRefuse {
            await refuse(error.problem)
        } catch let refusal as Refusal where mayRefuse {
            await refuse(refusal.problem)
        } catch {
            // The connection is gone, stuck, or cancelled: there is nobody to tell.
            noteEnd(error)
        }
        end()
    }

    private func watchPeer() throws(SocketError) {
        try channel.onPeerEnd { self.peerEnded($0) }
    }

    // MARK: Parking

    /// Gives the task back until something comes. False when something is there already.
    func park() throws(SocketError) -> Bool {
        let now = loop.now
        idleEnd = now.advanced(by: shared.limits.idleTimeout)
        let coolAt = now.advanced(by: shared.limits.parkingDelay)
        guard try channel.whenReadable(until: Deadline(min(coolAt, idleEnd)), wake) else { return false }
        phase = .parked
        runner = nil
        return true
    }

    private func awake(_ failure: SocketError?) {
        guard phase == .parked else { return }
        if let failure, channel.bufferedCount == 0 {
            // An idle connection ends without a word (H85).
            guard failure.code == .timeout, loop.now < idleEnd else { return end() }
            return cool()
        }
        if isCold { shared.instruments.parked.add(-1) }
        isCold = false
        phase = .idle
        inARow = 0
        shared.runners.add(self)
    }

    /// After a while an idle connection lets go of its buffers as well.
    private func cool() {
        if !isCold { shared.instruments.parked.add(1) }
        isCold = true
        spare = []
        output = []
        parser.releaseMemory()
        channel.releaseMemory()
        do throws(SocketError) {
            if try !channel.whenReadable(until: Deadline(idleEnd), wake) { awake(nil) }
        } catch {
            end()
        }
    }

    // MARK: Requests

    /// Before a request has gone to its handler. Later the same error is the handler's own, perhaps
    /// from a stream in the middle of its body, where a second response would be taken for data.
    private var mayRefuse: Bool { phase == .idle || phase == .reading }

    private func beginNext() {
        phase = .idle
        method = .get
        headDeadline = nil
        // Before the parser fills its buffer again, which the request holds.
        if isKnownUniquelyReferenced(&request) { request?.clear() } else { request = nil }
    }

    private func accept(_ head: RequestHead) -> RouteMatch {
        served += 1
        method = head.method
        if head.droppedFields > 0 {
            shared.instruments.dropped.increment(by: Int64(head.droppedFields))
        }
        return shared.routes.match(head)
    }

    private func filled(_ head: RequestHead) -> Request {
        if let request {
            request.refill(head, peer: channel.peerHost)
            return request
        }
        let made = head.request(body: [], context: RequestContext(peer: channel.peerHost))
        request = made
        return made
    }

    /// After an answer. False when the connection is to be closed.
    private func isKept(after head: RequestHead, _ sent: Sending) -> Bool {
        // Asked for by the client, and nothing more has come: a close resets nobody (RFC 9112 §9.6). The
        // end after TRACE is the server's wish (H21).
        clientIsDone =
            !head.keepsAlive && head.method != .trace && !leavesBody && streamed?.isOver != false && parser.isIdle
            && channel.bufferedCount == 0
        // A reader that the handler left behind has nothing to wait for any more.
        if streamed?.isReading == true { channel.endWait() }
        streamed = nil
        return sent.keepsAlive
    }

    /// The request with its whole body, or with a stream when the route asks for one.
    private func withBody(_ head: RequestHead, _ match: RouteMatch) async throws -> Request {
        // Before a byte of it is read: a declared length over the limit is a 413 (H54).
        try parser.limitBody(to: match.body.limit)
        // A client that waits for 100 would not send the body of a request that is refused anyway: it
        // is answered at once, and nobody waits for the rest (H42, H44).
        let isRefused = head.rejection != nil || !match.isFound
        if isRefused, head.asksToContinue || match.body.isStreamed {
            leavesBody = true
            return filled(head)
        }
        let body = match.body.isStreamed ? [] : try await readBody(of: head)
        let request = filled(head)
        request.body = body
        if match.body.isStreamed { request.context.bodySource = beginStreamedBody(of: head) }
        return request
    }

    private func peerEnded(_ end: PeerEnd) {
        switch end {
        case .failed: cancel()
        case .finished:
            // It may be waiting for the answer (H88) or gone; see `halfCloseGrace`.
            halfCloseTimer = loop.schedule(after: limits.halfCloseGrace) { self.cancel() }
        }
    }

    private func noteEnd(_ error: any Error) {
        guard phase == .handling || phase == .streaming else { return }
        shared.instruments.disconnects.increment()
        shared.logger.debug(
            "client gone", ["peer": .string(channel.peerHost), "cause": .string("\(error)")])
    }

    // MARK: For reading

    var mayTakeRequests: Bool { !isDraining }

    /// Counts a request that was there already when the one before was answered. True after so many in
    /// a row that the other connections are to have their turn: a client that sends without waiting has
    /// no more of the loop than one that waits.
    func countPipelined(waited: Bool) -> Bool {
        inARow = waited ? 0 : inARow + 1
        guard inARow >= shared.limits.pipelineDepthMax else { return false }
        inARow = 0
        return true
    }

    /// Throws 503 when all requests together hold too many body bytes.
    func hold(_ count: Int) throws(Refusal) {
        guard shared.budget.take(count) else { throw .overloaded }
        held += count
    }

    func giveBackBudget() {
        let count = held
        held = 0
        if count > 0 { shared.budget.giveBack(count) }
    }
}
