import HTTP

/// Everything a request parser said about some bytes, in a form in which two runs are compared.
///
/// This is the only place that drives a `RequestParser`; what has to hold while it is driven (no
/// event after a refusal, bounded memory, pieces of a body never empty) is checked here.
struct RequestTranscript: Equatable {
    struct Message: Equatable {
        var method: Method
        var target: String
        var path: String
        var query: [String]
        var version: HTTPVersion
        var fields: Headers
        var framing: BodyFraming
        var keepsAlive: Bool
        var asksToContinue: Bool
        var dropped: Int
        var rejection: ParseError?

        init(_ head: RequestHead) {
            method = head.method
            target = head.target
            path = head.path
            let request = head.request(body: [], context: RequestContext())
            query = request.query.flatMap { [$0.name, $0.value] }
            version = head.version
            fields = head.headers
            framing = head.framing
            keepsAlive = head.keepsAlive
            asksToContinue = head.asksToContinue
            dropped = head.droppedFields
            rejection = head.rejection
        }
    }

    /// Requests that were complete.
    var messages: [Message] = []
    var bodies: [[UInt8]] = []
    /// A head whose body has not ended.
    var open: Message?
    var error: ParseError?
    /// Whether the parser waits for the first byte of a request.
    var isIdle = true

    /// Bytes of the unfinished body. How many were handed out before a refusal depends on the
    /// split, so they are no part of equality.
    var openBody = Incidental<[UInt8]>([])
    /// For each message the bytes that had been appended when it ended. Exact when the pieces are
    /// single bytes, so it is no part of equality either.
    var ends = Incidental<[Int]>([])

    var verdict: String {
        if let error { return "\(messages.count)+\(error.status)" }
        return isIdle ? "\(messages.count)" : "\(messages.count)+more"
    }

    /// `bodyLimit` is given for each request right after its head, as a server does it.
    static func of(_ pieces: Splits.Pieces, _ limits: HTTPLimits, bodyLimit: Int? = nil)
        throws(PropertyViolation) -> RequestTranscript
    {
        var parser = RequestParser(limits: limits)
        var result = RequestTranscript()
        var appended = 0
        for piece in pieces {
            parser.append(piece)
            appended += piece.count
            do throws(ParseError) {
                while let event = try parser.next() {
                    if case .head = event, let bodyLimit { try parser.limitBody(to: bodyLimit) }
                    if let mistake = result.take(event, appended) { throw mistake }
                }
            } catch {
                guard error.code != mistakeCode else {
                    throw PropertyViolation(property: error.detail, detail: "\(result)")
                }
                result.error = error
                break
            }
            try require(
                parser.bufferedCount <= limits.keptMax,
                "a drained parser keeps no more than an unfinished head or line",
                "\(parser.bufferedCount) bytes, at most \(limits.keptMax)")
        }
        result.isIdle = result.error == nil && parser.isIdle
        if let error = result.error { try requireFinal(&parser, error) }
        return result
    }

    private static let mistakeCode = "event_out_of_order"

    /// Notes an event; the error says that the parser gave it at a wrong place.
    private mutating func take(_ event: RequestParser.Event, _ appended: Int) -> ParseError? {
        func mistake(_ detail: String) -> ParseError {
            ParseError(status: 0, code: Self.mistakeCode, detail: detail)
        }
        switch event {
        case .head(let head):
            guard open == nil else { return mistake("a head comes after the end of the last body") }
            open = Message(head)
        case .body(let piece):
            guard open != nil else { return mistake("a body comes after its head") }
            guard !piece.isEmpty, piece.count <= 64 * 1024 else {
                return mistake("a piece of a body is neither empty nor large")
            }
            openBody.value += piece
        case .end:
            guard let message = open else { return mistake("an end comes after its head") }
            messages.append(message)
            bodies.append(openBody.value)
            ends.value.append(appended)
            open = nil
            openBody.value = []
        }
        return nil
    }

    /// A refusal is final: the same error again, no event and no memory, whatever follows.
    private static func requireFinal(_ parser: inout RequestParser, _ error: ParseError)
        throws(PropertyViolation)
    {
        let good = Array("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        for more in [[], good, [0x0a], good] {
            parser.append(more)
            var again: ParseError?
            var event: RequestParser.Event?
            do throws(ParseError) { event = try parser.next() } catch { again = error }
            try require(
                again == error && event == nil, "after a refusal every call gives the same refusal",
                "\(String(describing: event)), \(String(describing: again)) instead of \(error)")
            try require(
                parser.bufferedCount == 0, "after a refusal nothing is kept",
                "\(parser.bufferedCount) bytes")
        }
    }
}

/// A value that two equal things may differ in.
struct Incidental<Value>: Equatable {
    var value: Value
    init(_ value: Value) { self.value = value }
    static func == (_: Incidental, _: Incidental) -> Bool { true }
}
