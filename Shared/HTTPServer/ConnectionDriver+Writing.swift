import Basics
import HTTP
import Sockets
import Telemetry

extension ConnectionDriver {
    /// False when the connection must close after this response.
    func write(_ response: Response, to head: RequestHead) async throws -> Bool {
        let keepsAlive =
            head.keepsAlive && !isDraining && served < shared.limits.requestsPerConnectionMax
            && !shared.isLettingGo && !leavesBody && streamedBodyIsOver()
        streamed?.isAnswered = true
        var bytes = output
        output = []
        let (written, isWhole) = try serialise(
            response, to: head, keepsAlive: keepsAlive, into: &bytes)
        switch (written.framing, response.body) {
        case _ where isWhole: try await channel.write(bytes, isLast: !written.keepsAlive)
        case (.length, .bytes(let body)) where body.count <= Self.joinedBodyMax:
            // One write, so that head and body leave in one segment.
            bytes.append(contentsOf: body)
            if try !channel.send(bytes, isLast: !written.keepsAlive) {
                try await channel.finishSending()
            }
        case (.length, .bytes(let body)):
            try await channel.write(bytes)
            try await channel.write(body, isLast: !written.keepsAlive)
        case (.chunked, .stream(_, let body)), (.untilClose, .stream(_, let body)),
            (.length, .stream(_, let body)):
            phase = .streaming
            try await channel.write(bytes)
            try await stream(body, written.framing)
        default:
            try await channel.write(bytes)
        }
        if bytes.capacity <= Self.keptBufferMax {
            bytes.removeAll(keepingCapacity: true)
            output = bytes
        }
        return written.keepsAlive
    }

    /// A response that cannot be put on the wire becomes a 500, before any byte of it is (H94); that
    /// one is whole then, with its body.
    private func serialise(
        _ response: Response, to head: RequestHead, keepsAlive: Bool, into bytes: inout [UInt8]
    ) throws -> (ResponseWriter.Outcome, isWhole: Bool) {
        let date = shared.date()
        do {
            let outcome = try ResponseWriter.write(
                response, to: head.method, version: head.version, keepsAlive: keepsAlive,
                date: date, into: &bytes)
            return (outcome, isWhole: false)
        } catch {
            shared.logger.error("response refused", ["detail": .string(error.detail)])
        }
        let fallback = Problem.internalError.response()
        let outcome = try ResponseWriter.write(
            fallback, to: head.method, version: head.version, keepsAlive: keepsAlive, date: date,
            into: &bytes)
        if case .length = outcome.framing, case .bytes(let body) = fallback.body {
            bytes.append(contentsOf: body)
        }
        return (outcome, isWhole: true)
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
