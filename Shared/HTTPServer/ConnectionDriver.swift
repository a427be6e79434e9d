import Basics
import HTTP
import Sockets
import Telemetry

/// Serves one connection: read a request, answer it, and again (RFC 9112 §9.3).
///
/// Requests are answered one after the other, so pipelined ones are answered in order (§9.3.2).
/// The task that runs `serve` also runs the handlers: cancelling it, when the client is gone or a
/// drain is over, cancels whatever is under way.
actor ConnectionDriver {
    /// Where the connection is; for draining and for what a cancellation means.
    private enum Phase {
        /// Between requests, nothing of the next one received. Goes to `reading`.
        case idle
        /// Goes to `handling`.
        case reading
        /// Goes to `streaming` or `idle`.
        case handling
        /// A streamed body is being written. Goes to `idle`.
        case streaming
        /// The last response is out, or the request was refused.
        case closing
    }

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    let connection: TCPConnection
    let server: Server
    let limits: ServerLimits
    var parser: RequestParser
    /// Cancels the task that runs `serve`.
    var cancelServing: @Sendable () -> Void = {}
    private var phase = Phase.idle
    private var isDraining = false
    private var served = 0
    /// Body bytes of the current request that the server's budget holds for it.
    private var held = 0
    /// Of the request under way, for the refusal of a HEAD.
    private var method = Method.get
    private var halfCloseTimer: TimerToken?

    init(_ connection: TCPConnection, server: Server) {
        self.connection = connection
        self.server = server
        limits = server.configuration.limits
        parser = RequestParser(limits: limits.parsing)
        loop = server.loop
    }

    var isStreaming: Bool { phase == .streaming }

    /// No request is taken after the one under way.
    func drain() {
        isDraining = true
        guard phase == .idle, parser.isIdle else { return }
        connection.assumeIsolated { connection in
            // Bytes that have arrived are a request that may still be answered.
            if connection.bufferedCount == 0 { connection.close() }
        }
    }

    /// Until the client or a limit ends the connection.
    func serve() async {
        do {
            try await connection.onPeerEnd { [weak self] end in
                self?.assumeIsolated { $0.peerEnded(end) }
            }
            while try await serveNext() {}
        } catch let error as ParseError where mayRefuse {
            await refuse(error.problem)
        } catch let refusal as Refusal where mayRefuse {
            await refuse(refusal.problem)
        } catch {
            // The connection is gone, stuck, or cancelled: there is nobody to tell.
            noteEnd(error)
        }
        giveBackBudget()
        if let halfCloseTimer { loop.cancel(halfCloseTimer) }
        await connection.close()
    }

    /// Before a request has gone to its handler. Later the same error is the handler's own, perhaps
    /// from a stream in the middle of its body, where a second response would be taken for data.
    private var mayRefuse: Bool { phase == .idle || phase == .reading }

    /// False when the connection is to be closed.
    private func serveNext() async throws -> Bool {
        phase = .idle
        method = .get
        guard let head = try await readHead() else {
            // The answer before may still be on its way to a client that has sent more.
            if isDraining { await linger() }
            return false
        }
        served += 1
        method = head.method
        let body = try await readBody(of: head)
        phase = .handling
        let context = RequestContext(peer: connection.peer.host)
        let response = await server.router.respond(
            to: head.request(body: body, context: context))
        giveBackBudget()
        guard !Task.isCancelled else { throw CancellationError() }
        guard try await write(response, to: head) else {
            phase = .closing
            await linger()
            return false
        }
        return true
    }

    private func peerEnded(_ end: PeerEnd) {
        switch end {
        case .failed: cancelServing()
        case .finished:
            // It may be waiting for the answer (H88) or gone; see `halfCloseGrace`.
            let cancel = cancelServing
            halfCloseTimer = loop.schedule(after: limits.halfCloseGrace) { cancel() }
        }
    }

    private func noteEnd(_ error: any Error) {
        guard phase == .handling || phase == .streaming else { return }
        server.instruments.disconnects.increment()
        server.logger.debug(
            "client gone", ["peer": .string(connection.peer.host), "cause": .string("\(error)")])
    }

    // MARK: Writing

    /// False when the connection must close after this response.
    private func write(_ response: Response, to head: RequestHead) async throws -> Bool {
        let keepsAlive =
            head.keepsAlive && !isDraining && served < limits.requestsPerConnectionMax
            && !server.assumeIsolated { $0.isLettingGo }
        let (response, written) = try serialise(response, to: head, keepsAlive: keepsAlive)
        switch (written.framing, response.body) {
        case (.length, .bytes(let bytes)):
            // One write, so that head and body leave in one segment.
            try await connection.write(written.bytes + bytes)
        case (.chunked, .stream(let body)), (.untilClose, .stream(let body)):
            phase = .streaming
            try await connection.write(written.bytes)
            try await stream(body, isChunked: written.framing == .chunked)
        default:
            try await connection.write(written.bytes)
        }
        return written.keepsAlive
    }

    /// A response that cannot be put on the wire becomes a 500, before any byte of it is (H94).
    private func serialise(_ response: Response, to head: RequestHead, keepsAlive: Bool) throws
        -> (Response, ResponseWriter.Head)
    {
        let date = server.assumeIsolated { $0.date() }
        do {
            let written = try ResponseWriter.head(
                of: response, to: head.method, version: head.version, keepsAlive: keepsAlive,
                date: date)
            return (response, written)
        } catch {
            server.logger.error("response refused", ["detail": .string(error.detail)])
            let fallback = Problem.internalError.response()
            let written = try ResponseWriter.head(
                of: fallback, to: head.method, version: head.version, keepsAlive: keepsAlive,
                date: date)
            return (fallback, written)
        }
    }

    private func stream(
        _ body: @Sendable (any BodyWriter) async throws -> Void, isChunked: Bool
    ) async throws {
        let writer = StreamWriter(connection, isChunked: isChunked)
        do {
            try await body(writer)
            try await writer.finish()
            // A cancelled handler may return as if it were done: the client must see the cut.
            try Task.checkCancellation()
        } catch {
            if !(error is CancellationError), !(error is SocketError) {
                server.logger.error("stream failed", ["cause": .string("\(error)")])
            }
            // Without a last chunk the client can tell; without chunks only a reset tells (H96).
            if !isChunked { await connection.abort() }
            throw error
        }
        if isChunked { try await connection.write(ResponseWriter.lastChunk) }
    }

    /// Exactly one answer to bytes that are no acceptable request, then the end (H79, H87).
    private func refuse(_ problem: Problem) async {
        phase = .closing
        giveBackBudget()
        server.instruments.refused(problem.code)
        // No middleware has seen this one, so its id is made, logged and told here.
        let id = UniqueID.v7(using: .system).description
        server.logger.debug(
            "request refused",
            [
                "peer": .string(connection.peer.host), "code": .string(problem.code),
                "request_id": .string(id),
            ])
        var response = problem.response(requestID: id)
        response.headers["x-request-id"] = id
        response.headers["connection"] = "close"
        do {
            let head = try ResponseWriter.head(
                of: response, to: method, version: .http11, keepsAlive: false,
                date: await server.date())
            var bytes = head.bytes
            if case .length = head.framing, case .bytes(let body) = response.body { bytes += body }
            try await connection.write(bytes)
            await linger()
        } catch {
            // Ignored: the client left before it could be told.
        }
    }

    /// Closing with unread input makes the kernel send a reset, which can overtake the response. So
    /// the sending side ends first, and what still comes is dropped for a while (RFC 9112 §9.6).
    private func linger() async {
        await connection.finishWriting()
        let deadline = Deadline.after(limits.lingerTime)
        var left = limits.lingerBytes
        do throws(SocketError) {
            while left > 0 {
                let bytes = try await connection.read(deadline: deadline)
                if bytes.isEmpty { return }
                left -= bytes.count
            }
        } catch {
            // Ignored: a time-out or a reset ends the wait as well as an orderly end does.
        }
    }

    // MARK: For reading

    func beganReading() { phase = .reading }

    var mayTakeRequests: Bool { !isDraining }

    /// Throws 503 when all requests together hold too many body bytes.
    func hold(_ count: Int) throws(Refusal) {
        guard server.assumeIsolated({ $0.budget.take(count) }) else { throw .overloaded }
        held += count
    }

    private func giveBackBudget() {
        let count = held
        held = 0
        if count > 0 { server.assumeIsolated { $0.budget.giveBack(count) } }
    }
}
