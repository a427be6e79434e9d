import Basics
import HTTP
import Sockets
import Telemetry

extension ConnectionDriver {
    /// An answer on its way.
    struct Sending {
        let framing: ResponseFraming
        /// False when the connection must close after this response.
        let keepsAlive: Bool
        /// What is in `output` is all of it.
        var isWhole: Bool
        /// The kernel has taken all.
        var isOver = false
    }

    /// Puts the head into `output`, and a small body behind it, so that both leave in one segment. When
    /// that is all, it is sent as well, without waiting: nearly every answer is over then.
    func beginWriting(_ response: Response, to head: RequestHead) throws -> Sending {
        let keepsAlive =
            head.keepsAlive && !isDraining && served < shared.limits.requestsPerConnectionMax
            && !shared.isLettingGo && !leavesBody && (streamed == nil || streamedBodyIsOver())
        streamed?.isAnswered = true
        var sending = try serialise(response, to: head, keepsAlive: keepsAlive)
        if sending.isWhole {
            sending.isOver = try channel.send(output, isLast: !sending.keepsAlive)
        }
        return sending
    }

    /// The rest of it.
    func finishWriting(_ response: Response, _ sending: Sending) async throws {
        if sending.isWhole { return try await channel.finishSending() }
        switch response.body {
        case .bytes(let body):
            try await channel.write(output)
            try await channel.write(body, isLast: !sending.keepsAlive)
        case .stream(_, let body):
            phase = .streaming
            try await channel.write(output)
            try await stream(body, sending.framing)
        case .empty: break
        }
    }

    /// Empties `output` for the next answer.
    func recycleOutput() {
        if output.capacity <= Self.keptBufferMax {
            output.removeAll(keepingCapacity: true)
        } else {
            output = []
        }
    }

    /// A response that cannot be put on the wire becomes a 500, before any byte of it is (H94).
    private func serialise(
        _ response: Response, to head: RequestHead, keepsAlive: Bool
    ) throws -> Sending {
        do {
            return try append(response, to: head, keepsAlive: keepsAlive)
        } catch {
            shared.logger.error("response refused", ["detail": .string(error.detail)])
        }
        return try append(Problem.internalError.response(), to: head, keepsAlive: keepsAlive)
    }

    private func append(
        _ response: Response, to head: RequestHead, keepsAlive: Bool
    ) throws(WriteError) -> Sending {
        let outcome = try ResponseWriter.write(
            response, to: head.method, version: head.version, keepsAlive: keepsAlive,
            date: shared.date(), into: &output)
        var sending = Sending(
            framing: outcome.framing, keepsAlive: outcome.keepsAlive,
            isWhole: outcome.framing == .none)
        switch (outcome.framing, response.body) {
        case (.none, _): break
        case (_, .stream): break
        case (_, .bytes(let body)):
            sending.isWhole = body.count <= Self.joinedBodyMax
            if sending.isWhole { output.append(contentsOf: body) }
        case (_, .empty): sending.isWhole = true
        }
        return sending
    }

    private func stream(
        _ body: @Sendable (any BodyWriter) async throws -> Void, _ framing: ResponseFraming
    ) async throws {
        let writer = StreamWriter(connection, framing)
        do {
            try await body(writer)
            try await writer.finish()
            // A cancelled handler may return as if it were done: the client must see the cut.
            try Task.checkCancellation()
        } catch {
            if !(error is CancellationError), !(error is SocketError) {
                shared.logger.error("stream failed", ["cause": .string("\(error)")])
            }
            // Without a last chunk or with a length the client can tell; otherwise only a reset
            // tells (H96).
            if framing == .untilClose { channel.abort() }
            throw error
        }
        if framing == .chunked { try await channel.write(ResponseWriter.lastChunk) }
    }

    // MARK: Refusing

    /// Exactly one answer to bytes that are no acceptable request, then the end (H79, H87).
    func refuse(_ problem: Problem) async {
        phase = .closing
        giveBackBudget()
        shared.instruments.refused(problem.code)
        // No middleware has seen this one, so its id is made, logged and told here.
        let id = UniqueID.v7(using: .system).description
        shared.logger.debug(
            "request refused",
            [
                "peer": .string(channel.peerHost), "code": .string(problem.code),
                "request_id": .string(id),
            ])
        var response = problem.response(requestID: id)
        response.headers["x-request-id"] = id
        do {
            let head = try ResponseWriter.head(
                of: response, to: method, version: .http11, keepsAlive: false,
                date: shared.date())
            var bytes = head.bytes
            if case .length = head.framing, case .bytes(let body) = response.body { bytes += body }
            try await channel.write(bytes)
            await linger()
        } catch {
            // Ignored: the client left before it could be told.
        }
    }

    /// Closing with unread input makes the kernel send a reset, which can overtake the response. So
    /// the sending side ends first, and what still comes is dropped for a while (RFC 9112 §9.6).
    func linger() async {
        channel.finishWriting()
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
}
