import HTTP

/// Everything a response parser said about a connection's bytes and its end; the only place that
/// drives a `ResponseParser`.
struct ResponseTranscript: Equatable {
    struct Head: Equatable {
        var status: Int
        var version: HTTPVersion
        var fields: Headers
        var framing: BodyFraming
        var keepsAlive: Bool

        init(_ head: ResponseHead) {
            status = head.status
            version = head.version
            fields = head.headers
            framing = head.framing
            keepsAlive = head.keepsAlive
        }
    }

    var head: Head?
    /// The body has ended, by its framing or by the connection's end.
    var ended = false
    /// The refusal of bytes, or of the connection's end where a message is not complete.
    var error: ParseError?
    /// The connection's end came too early.
    var wasCut = false
    var hasSurplus = false
    /// Pieces before a refusal depend on the split.
    var body = Incidental<[UInt8]>([])
    /// Bytes that had been appended when the body ended; exact for single bytes.
    var end = Incidental(0)

    var verdict: String {
        if error != nil { return wasCut ? "cut" : "refused" }
        return "\(head?.status ?? 0)" + (hasSurplus ? "+surplus" : "")
    }

    static func of(_ pieces: Splits.Pieces, to method: Method, _ limits: HTTPLimits)
        throws(PropertyViolation) -> ResponseTranscript
    {
        var parser = ResponseParser(to: method, limits: limits)
        var result = ResponseTranscript()
        var appended = 0
        var mistake: String?
        do throws(ParseError) {
            for piece in pieces {
                parser.append(piece)
                appended += piece.count
                while mistake == nil, let event = try parser.next() {
                    mistake = result.take(event, appended)
                }
            }
            result.hasSurplus = parser.hasSurplus
            if mistake == nil, let event = try result.close(&parser) {
                mistake = result.take(event, appended)
            }
        } catch {
            result.error = error
        }
        try require(mistake == nil, mistake ?? "", "\(result)")
        try requireFinal(&parser, result)
        return result
    }

    private mutating func close(_ parser: inout ResponseParser) throws(ParseError)
        -> ResponseParser.Event?
    {
        wasCut = true
        let event = try parser.close()
        wasCut = false
        return event
    }

    /// The sentence of the property that this event breaks.
    private mutating func take(_ event: ResponseParser.Event, _ appended: Int) -> String? {
        switch event {
        case .head(let new):
            guard head == nil else { return "there is one head" }
            head = Head(new)
        case .body(let piece):
            guard head != nil, !ended else { return "a body stands between head and end" }
            guard !piece.isEmpty, piece.count <= 64 * 1024 else {
                return "a piece of a body is neither empty nor large"
            }
            body.value += piece
        case .end:
            guard head != nil, !ended else { return "there is one end, behind the head" }
            ended = true
            end.value = appended
        }
        return nil
    }

    /// Neither after a refusal nor after the end does a parser say anything new.
    private static func requireFinal(
        _ parser: inout ResponseParser, _ result: ResponseTranscript
    ) throws(PropertyViolation) {
        // A cut is found by the caller, who has no more bytes then.
        guard !result.wasCut else { return }
        try require(
            result.error != nil || result.ended, "a response ends or is refused", "\(result)")
        for more in [[], Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8)] {
            parser.append(more)
            var again: ParseError?
            var event: ResponseParser.Event?
            do throws(ParseError) { event = try parser.next() } catch { again = error }
            try require(
                again == result.error && event == nil,
                "after a refusal or an end nothing new is said",
                "\(String(describing: event)), \(String(describing: again)) after \(result)")
        }
    }
}
