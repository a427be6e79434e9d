/// A request up to its body, checked.
package struct RequestHead: Sendable {
    package let method: Method
    let requestTarget: RequestTarget
    package let version: HTTPVersion
    package let headers: Headers
    package let framing: BodyFraming
    /// Field lines dropped for an underscore in their name (H37).
    package let droppedFields: Int
    /// The message is well framed but must be refused: the router answers with it, and the
    /// connection may go on (H38, H44).
    package let rejection: ParseError?
    /// HTTP/1.0 connections are never kept (H8); otherwise `Connection: close` decides (H39).
    package let keepsAlive: Bool
    /// The client has an expectation, and may wait for `100 Continue` before it sends the body (H41);
    /// one of HTTP/1.0 has none (H43).
    package let asksToContinue: Bool

    /// Canonical and decoded (PX-3).
    package var path: String { requestTarget.pathText }
    /// Path and query as received (origin-form).
    package var target: String { requestTarget.text }

    package func request(body: [UInt8], context: RequestContext) -> Request {
        var context = context
        context.rejection = rejection
        return Request(
            method: method, target: requestTarget, headers: headers, body: body, context: context)
    }

    /// Judges a start line and the fields below it.
    init(method: Method, version: HTTPVersion, buffer: HeadBuffer, dropped: Int) throws(ParseError) {
        self.method = method
        self.version = version
        headers = Headers(received: buffer)
        droppedFields = dropped
        let host = try Self.host(buffer, version: version)
        requestTarget = try RequestTarget(buffer, method: method)
        if let authority = requestTarget.authority {
            guard HostField.isValid(authority), let host,
                HeadBuffer.text(host).equalsIgnoringCase(HeadBuffer.text(authority))
            else { throw .malformed("The target's authority differs from Host.") }
        }
        framing = try BodyFraming.request(buffer, version: version)
        rejection = Self.rejection(buffer, headers, version: version)
        // A TRACE must not have a body (RFC 9110 §9.3.8): whoever sends one is not trusted to have
        // framed it (H21).
        let isDoubtful = method == .trace && framing != .none
        keepsAlive = version == .http11 && !isDoubtful && !Self.wantsClose(buffer, headers)
        asksToContinue = version == .http11 && framing != .none && buffer.has(.expect)
    }

    private static func host(_ buffer: HeadBuffer, version: HTTPVersion) throws(ParseError)
        -> ArraySlice<UInt8>?
    {
        guard let host = buffer.value(of: .host) else {
            guard version == .http10 else { throw .malformed("Host is missing.") }
            return nil
        }
        guard !buffer.repeats(.host) else { throw .malformed("Host is repeated.") }
        guard HostField.isValid(host) else { throw .malformed("Host is not a host.") }
        return host
    }

    private static func wantsClose(_ buffer: HeadBuffer, _ headers: Headers) -> Bool {
        buffer.has(.connection) && headers.tokens("connection").contains("close")
    }

    private static func rejection(
        _ buffer: HeadBuffer, _ headers: Headers, version: HTTPVersion
    ) -> ParseError? {
        // Fields whose repetition would let two readers pick different values (H38).
        for known in [KnownField.contentType, .authorization, .idempotencyKey]
        where buffer.repeats(known) {
            return .malformed("A field is repeated that may come once only: \(known.name).")
        }
        guard version == .http11, buffer.has(.expect) else { return nil }
        guard headers.tokens("expect").allSatisfy({ $0 == "100-continue" }) else {
            return ParseError(
                status: 417, code: "expectation_failed",
                detail: "Only the expectation 100-continue is known.")
        }
        return nil
    }
}

extension KnownField {
    fileprivate var name: String {
        switch self {
        case .contentType: "content-type"
        case .authorization: "authorization"
        case .idempotencyKey: "idempotency-key"
        default: "\(self)"
        }
    }
}

/// `method SP target SP version` (RFC 9112 §3).
struct StartLine: Sendable {
    let method: Method
    /// Where the target is in the line's array.
    let target: Range<Int>
    let version: HTTPVersion

    init(_ line: ArraySlice<UInt8>, limits: HTTPLimits) throws(ParseError) {
        guard let first = line.firstIndex(of: Character8.space),
            let last = line.lastIndex(of: Character8.space), first < last,
            first > line.startIndex, last > first + 1, last + 1 < line.endIndex,
            !line[(first + 1)..<last].contains(Character8.space)
        else { throw .malformed("A request line is a method, a target and a version.") }
        // The version comes first: another one may have another grammar (H10).
        version = try Self.version(line[(last + 1)...])
        let method = line[..<first]
        guard method.allSatisfy(Character8.isToken) else {
            throw .malformed("The method is not a token.")
        }
        guard method.count <= limits.methodMax else {
            throw ParseError(
                status: 501, code: "unsupported_method", detail: "The method is too long.")
        }
        self.method = Method(String(decoding: method, as: UTF8.self))
        target = (first + 1)..<last
    }

    static func version(_ text: ArraySlice<UInt8>) throws(ParseError) -> HTTPVersion {
        let start = text.startIndex
        guard text.count == 8, text.starts(with: "HTTP/".utf8),
            Character8.isDigit(text[start + 5]), text[start + 6] == Character8.dot,
            Character8.isDigit(text[start + 7])
        else { throw .malformed("The version is malformed.") }
        guard text[start + 5] == UInt8(ascii: "1") else {
            throw ParseError(
                status: 505, code: "unsupported_version", detail: "Only HTTP/1.1 is spoken here.")
        }
        return text[start + 7] == UInt8(ascii: "0") ? .http10 : .http11
    }
}
