/// A request up to its body, checked.
package struct RequestHead: Sendable {
    package let method: Method
    /// Path and query as received (origin-form).
    package let target: String
    /// Canonical and decoded (PX-3).
    package let path: String
    package let query: [(name: String, value: String)]
    package let version: HTTPVersion
    package let headers: Headers
    package let framing: BodyFraming
    /// Field lines dropped for an underscore in their name (H37).
    package let droppedFields: Int
    /// The message is well framed but must be refused: the router answers with it, and the
    /// connection may go on (H38, H44).
    package let rejection: ParseError?

    /// HTTP/1.0 connections are never kept (H8); otherwise `Connection: close` decides (H39).
    package var keepsAlive: Bool {
        version == .http11 && !headers.tokens("connection").contains("close")
    }

    /// The client waits for `100 Continue` before it sends the body (H41, H43).
    package var expectsContinue: Bool {
        version == .http11 && framing != .none && rejection == nil && headers.contains("expect")
    }

    package func request(body: [UInt8], context: RequestContext) -> Request {
        var context = context
        context.rejection = rejection
        return Request(
            method: method, target: target, path: path, query: query, headers: headers, body: body,
            context: context)
    }

    /// Judges a start line and the fields below it.
    init(line: StartLine, section: FieldSection) throws(ParseError) {
        method = line.method
        version = line.version
        headers = section.headers
        droppedFields = section.dropped
        let host = try Self.host(headers, version: version)
        let parsed = try RequestTarget(line.target, method: method)
        if let authority = parsed.authority {
            guard HostField.isValid(authority), let host, host.equalsIgnoringCase(authority) else {
                throw .malformed("The target's authority differs from Host.")
            }
        }
        target = parsed.text
        path = parsed.path
        query = parsed.query
        framing = try BodyFraming.request(headers, version: version)
        rejection = Self.rejection(headers, version: version)
    }

    private static func host(_ headers: Headers, version: HTTPVersion) throws(ParseError)
        -> String?
    {
        let hosts = headers.values("host")
        guard let host = hosts.first else {
            guard version == .http10 else { throw .malformed("Host is missing.") }
            return nil
        }
        guard hosts.count == 1 else { throw .malformed("Host is repeated.") }
        guard HostField.isValid(host) else { throw .malformed("Host is not a host.") }
        return host
    }

    /// Fields whose repetition would let two readers pick different values (H38).
    private static let singletons = ["content-type", "authorization", "idempotency-key"]

    private static func rejection(_ headers: Headers, version: HTTPVersion) -> ParseError? {
        for name in singletons where headers.values(name).count > 1 {
            return .malformed("The field \(name) is repeated.")
        }
        let expectations = version == .http11 ? headers.tokens("expect") : []
        guard expectations.allSatisfy({ $0 == "100-continue" }) else {
            return ParseError(
                status: 417, code: "expectation_failed",
                detail: "Only the expectation 100-continue is known.")
        }
        return nil
    }
}

/// `method SP target SP version` (RFC 9112 §3).
struct StartLine: Sendable {
    let method: Method
    let target: String
    let version: HTTPVersion

    init(_ line: ArraySlice<UInt8>, limits: HTTPLimits) throws(ParseError) {
        let parts = line.split(separator: Character8.space, omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }) else {
            throw .malformed("A request line is a method, a target and a version.")
        }
        // The version comes first: another one may have another grammar (H10).
        version = try Self.version(parts[2])
        guard parts[0].allSatisfy(Character8.isToken) else {
            throw .malformed("The method is not a token.")
        }
        guard parts[0].count <= limits.methodMax else {
            throw ParseError(
                status: 501, code: "unsupported_method", detail: "The method is too long.")
        }
        method = Method(String(decoding: parts[0], as: UTF8.self))
        target = String(decoding: parts[1], as: UTF8.self)
    }

    static func version(_ text: ArraySlice<UInt8>) throws(ParseError) -> HTTPVersion {
        let bytes = Array(text)
        guard bytes.count == 8, bytes.starts(with: "HTTP/".utf8), Character8.isDigit(bytes[5]),
            bytes[6] == Character8.dot, Character8.isDigit(bytes[7])
        else { throw .malformed("The version is malformed.") }
        guard bytes[5] == UInt8(ascii: "1") else {
            throw ParseError(
                status: 505, code: "unsupported_version", detail: "Only HTTP/1.1 is spoken here.")
        }
        return bytes[7] == UInt8(ascii: "0") ? .http10 : .http11
    }
}
