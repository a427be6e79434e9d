/// A request up to its body, checked. One reference, to the bytes and to what was found out about
/// them: a parser fills them again only when nobody holds a head of theirs any more.
package struct RequestHead: Sendable {
    private let buffer: HeadBuffer

    /// Any token; the router says which are known.
    package var method: Method { buffer.request.method }
    /// A minor version above 1 counts as 1.1 (H9).
    package var version: HTTPVersion { buffer.request.version }
    /// All fields but the dropped ones, in their order.
    package var headers: Headers { Headers(received: buffer) }
    /// How the end of the body is found.
    package var framing: BodyFraming { buffer.request.framing }
    /// Bytes of a body follow, or may follow.
    package var hasBody: Bool { framing != .none }
    /// Field lines dropped for an underscore in their name (H37).
    package var droppedFields: Int { buffer.request.dropped }
    /// The message is well framed but must be refused: the router answers with it, and the
    /// connection may go on (H38, H44).
    package var rejection: ParseError? { buffer.request.rejection }
    /// HTTP/1.0 connections are never kept (H8); otherwise `Connection: close` decides (H39).
    package var keepsAlive: Bool { buffer.request.keepsAlive }
    /// The client has an expectation, and may wait for `100 Continue` before it sends the body (H41);
    /// one of HTTP/1.0 has none (H43).
    package var asksToContinue: Bool { buffer.request.asksToContinue }

    var requestTarget: RequestTarget { RequestTarget(of: buffer) }
    /// Canonical and decoded (PX-3).
    package var path: String { requestTarget.pathText }
    /// Path and query as received (origin-form).
    package var target: String { requestTarget.text }

    /// The request that handlers see, with a rejection if there is one.
    package func request(body: [UInt8], context: RequestContext) -> Request {
        var context = context
        context.rejection = rejection
        return Request(
            method: method, target: requestTarget, headers: headers, body: body, context: context)
    }

    /// Judges the target and the fields in `buffer`, whose start line is known, and which nobody else
    /// holds.
    init(judging buffer: HeadBuffer, dropped: Int) throws(ParseError) {
        try buffer.request.judge(buffer, buffer.bytes, dropped: dropped)
        self.buffer = buffer
    }
}

/// What a parser has found out about a request. It stands beside the bytes it was found in.
struct RequestFacts: Sendable {
    fileprivate(set) var method = Method.get
    fileprivate(set) var version = HTTPVersion.http11
    var target = TargetParts()
    fileprivate(set) var framing = BodyFraming.none
    fileprivate(set) var keepsAlive = false
    fileprivate(set) var asksToContinue = false
    fileprivate(set) var dropped = 0
    fileprivate(set) var rejection: ParseError?

    init() {}

    /// Of the next request only the start line is known; the rest is judged with its fields.
    mutating func begin(_ line: StartLine) {
        method = line.method
        version = line.version
    }

    fileprivate mutating func judge(_ buffer: HeadBuffer, _ bytes: [UInt8], dropped: Int)
        throws(ParseError)
    {
        self.dropped = dropped
        let host = try host(buffer, bytes)
        target = try TargetParts(bytes, buffer.targetEnd, method: method)
        if let authority = target.authority {
            guard HostField.isValid(bytes, authority), let host,
                HeadBuffer.text(bytes[host]).equalsIgnoringCase(HeadBuffer.text(bytes[authority]))
            else { throw .malformed("The target's authority differs from Host.") }
        }
        framing = try BodyFraming.request(buffer, version: version)
        let rejection = rejection(buffer)
        if rejection != nil || self.rejection != nil { self.rejection = rejection }
        // A TRACE must not have a body (RFC 9110 §9.3.8): whoever sends one is not trusted to have
        // framed it (H21).
        let isDoubtful = framing != .none && method == .trace
        keepsAlive = version == .http11 && !isDoubtful && !Self.wantsClose(buffer)
        asksToContinue = version == .http11 && framing != .none && buffer.has(.expect)
    }

    private func host(_ buffer: HeadBuffer, _ bytes: [UInt8]) throws(ParseError) -> Range<Int>? {
        guard let host = buffer.range(of: .host) else {
            guard version == .http10 else { throw .malformed("Host is missing.") }
            return nil
        }
        guard !buffer.repeats(.host) else { throw .malformed("Host is repeated.") }
        guard HostField.isValid(bytes, host) else { throw .malformed("Host is not a host.") }
        return host
    }

    private static func wantsClose(_ buffer: HeadBuffer) -> Bool {
        buffer.has(.connection)
            && !buffer.members(of: .connection) { !buffer.equals($0, ignoringCase: "close") }
    }

    private func rejection(_ buffer: HeadBuffer) -> ParseError? {
        // Fields whose repetition would let two readers pick different values (H38).
        if buffer.repeatsKnown {
            if buffer.repeats(.contentType) { return Self.repetition("content-type") }
            if buffer.repeats(.authorization) { return Self.repetition("authorization") }
            if buffer.repeats(.idempotencyKey) { return Self.repetition("idempotency-key") }
        }
        guard version == .http11, buffer.has(.expect) else { return nil }
        let isKnown = buffer.members(of: .expect) {
            buffer.equals($0, ignoringCase: "100-continue")
        }
        guard !isKnown else { return nil }
        return ParseError(
            status: 417, code: "expectation_failed",
            detail: "Only the expectation 100-continue is known.")
    }

    private static func repetition(_ name: String) -> ParseError {
        .malformed("A field is repeated that may come once only: \(name).")
    }
}
