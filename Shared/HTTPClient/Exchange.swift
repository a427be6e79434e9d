import Basics
import HTTP
import Sockets

/// One request and its response on one connection.
actor Exchange {
    private enum State {
        /// The request is under way. Goes to `body` with the head, or `failed`.
        case head
        /// Goes to `ended` or `failed`.
        case body(ResponseHead)
        case ended
        case failed(ClientError)
    }

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// By which the head must have arrived, and the body of `collect`.
    nonisolated let deadline: Deadline
    let lease: Lease
    private let configuration: ClientConfiguration
    private var parser: ResponseParser
    private var state = State.head
    /// Body pieces that arrived together with the head.
    private var pieces: [[UInt8]] = []
    private var hasReceived = false
    private var isReading = false
    private var isLate = false
    /// The peer answered while we were still sending: what it read is unknown (PX-4, U4).
    private var wasAnsweredEarly = false
    var sending = Sending.done
    /// Bytes of a declared length that are still to be sent; nil for chunks.
    var uploadLeft: Int?

    init(
        lease: Lease, method: Method, deadline: Deadline, configuration: ClientConfiguration
    ) {
        self.lease = lease
        self.deadline = deadline
        self.configuration = configuration
        loop = lease.connection.loop
        parser = ResponseParser(to: method, limits: configuration.limits)
    }

    // MARK: Head

    /// Sends the request and waits for the response's head.
    func head(sending message: OutgoingMessage) async throws(AttemptFailure) -> ResponseHead {
        // One timer for sending and receiving: at the deadline the connection is cut.
        let timer = loop.schedule(after: deadline.remaining) { [weak self] in
            self?.assumeIsolated { $0.becameLate() }
        }
        defer { loop.cancel(timer) }
        if lease.isReused, await lease.connection.peerEnd != nil {
            throw failure(ClientError(.reset, "closed while unused", nothingWritten: true))
        }
        if message.goesAtOnce {
            try await sendAtOnce(message)
        } else {
            startSending(message)
        }
        do {
            let head = try await readHead()
            if stopSending() { wasAnsweredEarly = true }
            state = .body(head)
            prefetch()
            return head
        } catch let error as ParseError {
            throw failure(ClientError(.malformed, "the response", underlying: error))
        } catch let error as SocketError {
            throw failedExchange(error)
        } catch {
            throw failure(ClientError(.reset, "the exchange", underlying: error))
        }
    }

    private func sendAtOnce(_ message: OutgoingMessage) async throws(AttemptFailure) {
        do throws(SocketError) {
            try await lease.connection.write(message.bytes)
        } catch {
            if error.code == .cancelled { throw failure(error) }
            // A refusal may be waiting to be read although the rest could not be sent (H87).
            sending = .failed(error)
        }
        if message.hasBody, await lease.connection.bufferedCount > 0 { wasAnsweredEarly = true }
    }

    /// The reader's error, or what kept the request from being sent, which came first.
    private func failedExchange(_ error: SocketError) -> AttemptFailure {
        guard case .failed(let cause) = sending, error.code != .cancelled, !isLate else {
            return failure(error)
        }
        switch cause {
        case let cause as SocketError: return failure(cause)
        case let cause as ClientError: return failure(cause)
        default:
            return failure(
                ClientError(.invalidRequest, "the request's body failed", underlying: cause))
        }
    }

    private func readHead() async throws -> ResponseHead {
        while true {
            while let event = try parser.next() {
                if case .head(let head) = event { return head }
            }
            let bytes = try await lease.connection.read()
            guard !bytes.isEmpty else { throw SocketError(.connectionReset, "read") }
            hasReceived = true
            parser.append(bytes)
        }
    }

    private func becameLate() {
        isLate = true
        lease.connection.assumeIsolated { $0.abort() }
    }

    private func failure(_ error: SocketError) -> AttemptFailure {
        failure(Self.clientError(error, isLate: isLate))
    }

    /// Ends the exchange. Stale means: a pooled connection was closed before any byte came (U5).
    private func failure(_ error: ClientError) -> AttemptFailure {
        let wasStale = lease.isReused && !hasReceived && error.code == .reset
        fail(error)
        return AttemptFailure(error, wasStale: wasStale)
    }

    private static func clientError(_ error: SocketError, isLate: Bool) -> ClientError {
        let code: ClientError.Code =
            if isLate || error.code == .timeout {
                .timeout
            } else if error.code == .cancelled {
                .cancelled
            } else if error.code == .handshake {
                .tlsFailed
            } else {
                .reset
            }
        return ClientError(code, "the exchange", underlying: error)
    }

    // MARK: Body

    /// The next piece; nil at the end. Waits for the body's idle time at most, and no longer than
    /// `deadline`.
    func next(deadline: Deadline?) async throws(ClientError) -> [UInt8]? {
        if !pieces.isEmpty { return pieces.removeFirst() }
        guard !isReading else {
            throw ClientError(.invalidRequest, "a body has one reader at a time")
        }
        isReading = true
        defer { isReading = false }
        while true {
            switch state {
            case .ended: return nil
            case .failed(let error): throw error
            case .head: throw ClientError(.invalidRequest, "the head has not arrived")
            case .body(let head):
                if let piece = try step(head) { return piece }
                if case .body = state { try await receive(deadline) }
            }
        }
    }

    /// One parser event: a piece, or nil for the end and for more input.
    private func step(_ head: ResponseHead) throws(ClientError) -> [UInt8]? {
        do throws(ParseError) {
            switch try parser.next() {
            case .body(let piece): return piece
            case .end: end(head)
            case .head, nil: break
            }
            return nil
        } catch {
            throw fail(ClientError(.malformed, "the response's body", underlying: error))
        }
    }

    private func receive(_ deadline: Deadline?) async throws(ClientError) {
        let idle = Deadline.after(configuration.bodyIdleTimeout)
        let bytes: [UInt8]
        do throws(SocketError) {
            bytes = try await lease.connection.read(deadline: deadline.map { min($0, idle) } ?? idle)
        } catch {
            throw fail(Self.clientError(error, isLate: false))
        }
        guard bytes.isEmpty else { return parser.append(bytes) }
        do throws(ParseError) {
            // The end of the connection may be the end of the body; a cut is never taken for it.
            _ = try parser.close()
            if case .body = state { state = .ended }
            lease.discard()
        } catch {
            throw fail(ClientError(.reset, "the response's body", underlying: error))
        }
    }

    /// Takes what arrived with the head, so that a small response frees its connection at once.
    private func prefetch() {
        guard case .body(let head) = state else { return }
        do throws(ClientError) {
            while case .body = state, let piece = try step(head) { pieces.append(piece) }
        } catch {
            // Ignored: the state keeps the error, and the reader gets it after the pieces.
        }
    }

    private func end(_ head: ResponseHead) {
        state = .ended
        let isClean = lease.connection.assumeIsolated {
            $0.bufferedCount == 0 && $0.peerEnd == nil && !$0.isClosed
        }
        let time = configuration.idleTime(after: head.headers)
        if head.keepsAlive, !parser.hasSurplus, !wasAnsweredEarly, isClean, time > .zero {
            lease.giveBack(unusedFor: time)
        } else {
            lease.discard(isCut: wasAnsweredEarly)
        }
    }

    /// The reader wants no more: the connection is closed unless the body has ended.
    func abandon() {
        pieces.removeAll()
        if case .body = state { fail(ClientError(.cancelled, "the body was let go")) }
    }

    @discardableResult
    private func fail(_ error: ClientError) -> ClientError {
        state = .failed(error)
        lease.discard(isCut: stopSending() || wasAnsweredEarly)
        return error
    }
}
