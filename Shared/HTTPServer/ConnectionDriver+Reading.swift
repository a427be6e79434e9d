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
    /// Bytes handed to the parser at once; the connection's own read-ahead bounds the rest.
    private static let pieceMax = 16 * 1_024

    /// The next request's head; nil when the connection is over without one.
    func readHead() async throws -> RequestHead? {
        var deadline = Deadline.after(limits.idleTimeout)
        var hasBegun = false
        while true {
            while let event = try parser.next() {
                if case .head(let head) = event { return head }
            }
            if !hasBegun, !parser.isIdle {
                hasBegun = true
                beganReading()
                deadline = .after(limits.headTimeout)
            }
            if !mayTakeRequests, !hasBegun { return nil }
            let bytes: [UInt8]
            do throws(SocketError) {
                bytes = try await connection.read(upTo: Self.pieceMax, deadline: deadline)
            } catch {
                // An idle connection ends without a word (H85), a slow head with 408 (H84).
                guard error.code == .timeout else { throw error }
                if hasBegun { throw Refusal.slow }
                return nil
            }
            if bytes.isEmpty { return nil }
            parser.append(bytes)
        }
    }

    /// The whole body, at most as large as the route allows.
    func readBody(of head: RequestHead) async throws -> [UInt8] {
        // Before a byte of it is read: a declared length over the limit is a 413 (H54).
        try parser.limitBody(to: server.router.bodyLimit(head.method, head.path))
        // Answered at once: a client that waits for 100 would not send the body (H42, H44).
        if let rejection = head.rejection, head.framing != .none { throw rejection }
        var pace = BodyPace(limits, now: ContinuousClock.now)
        var body: [UInt8] = []
        var awaitsContinue = head.expectsContinue
        while true {
            switch try parser.next() {
            case .body(let bytes):
                try hold(bytes.count)
                body += bytes
                pace.received += bytes.count
            case .end: return body
            case .head: throw Refusal.incomplete
            case nil:
                if awaitsContinue {
                    awaitsContinue = false
                    // A client that sent the body already does not need it (RFC 9110 §10.1.1).
                    if parser.bufferedCount == 0, await connection.bufferedCount == 0 {
                        try await connection.write(ResponseWriter.continueHead)
                    }
                }
                parser.append(try await readPiece(deadline: pace.deadline))
            }
        }
    }

    private func readPiece(deadline: Deadline) async throws -> [UInt8] {
        do throws(SocketError) {
            let bytes = try await connection.read(upTo: Self.pieceMax, deadline: deadline)
            // An end in the middle: no handler sees the body as complete (H65, H75).
            guard !bytes.isEmpty else { throw SocketError(.closed, "body") }
            return bytes
        } catch {
            switch error.code {
            case .timeout: throw Refusal.slow
            case .closed where error.operation == "body": throw Refusal.incomplete
            default: throw error
            }
        }
    }
}

/// When a body is too slow: by its rate after a grace time, and by its total time.
struct BodyPace {
    private let start: ContinuousClock.Instant
    private let limits: ServerLimits
    var received = 0

    init(_ limits: ServerLimits, now: ContinuousClock.Instant) {
        self.limits = limits
        start = now
    }

    var deadline: Deadline {
        let earned = Duration.milliseconds(
            Int64(received) * 1_000 / Int64(max(1, limits.bodyBytesPerSecondMin)))
        return Deadline(
            start.advanced(by: min(limits.bodyTimeout, limits.bodyGrace + earned)))
    }
}
