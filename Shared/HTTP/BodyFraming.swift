/// How the end of a message body is found (RFC 9112 §6.3).
package enum BodyFraming: Sendable, Equatable {
    case none
    case length(Int)
    case chunked
    /// Responses only: the body ends where the connection does.
    case untilClose

    /// The framing of a request. Anything two readers could understand differently is refused:
    /// that difference is what request smuggling lives on (RFC 9112 §11.2, H47–H61).
    static func request(_ headers: Headers, version: HTTPVersion) throws(ParseError) -> BodyFraming
    {
        if let coding = try transferCoding(headers, version: version) { return coding }
        guard let length = try contentLength(headers), length > 0 else { return .none }
        return .length(length)
    }

    /// The framing of a response to `method` (RFC 9112 §6.3; U1).
    static func response(
        status: Int, to method: Method, headers: Headers, version: HTTPVersion
    ) throws(ParseError) -> BodyFraming {
        let coding = try transferCoding(headers, version: version)
        let length = try contentLength(headers)
        if method == .head || status < 200 || status == 204 || status == 304 { return .none }
        if let coding { return coding }
        guard let length else { return .untilClose }
        return length > 0 ? .length(length) : .none
    }

    private static func transferCoding(_ headers: Headers, version: HTTPVersion)
        throws(ParseError) -> BodyFraming?
    {
        let lines = headers.values("transfer-encoding")
        guard let line = lines.first else { return nil }
        guard !headers.contains("content-length") else {
            throw .malformed("Content-Length and Transfer-Encoding exclude each other.")
        }
        guard lines.count == 1 else { throw .malformed("Transfer-Encoding is repeated.") }
        guard version == .http11 else {
            throw .malformed("Transfer-Encoding needs HTTP/1.1.")
        }
        let codings = line.split(separator: ",", omittingEmptySubsequences: false).map {
            $0.trimmingOptionalWhitespace.lowercased()
        }
        guard codings.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(Character8.isToken) }) else {
            throw .malformed("Transfer-Encoding is not a list of codings.")
        }
        if codings == ["chunked"] { return .chunked }
        guard !codings.dropLast().contains("chunked") else {
            throw .malformed("The coding chunked must come last, and once.")
        }
        throw .unsupportedCoding("Only the transfer coding chunked is supported.")
    }

    /// Digits only, no sign, no leading zero, no list (H49–H53); nil when the field is absent.
    private static func contentLength(_ headers: Headers) throws(ParseError) -> Int? {
        let lines = headers.values("content-length")
        guard let line = lines.first else { return nil }
        guard lines.count == 1 else { throw .malformed("Content-Length is repeated.") }
        let digits = line.utf8
        guard !digits.isEmpty, digits.allSatisfy(Character8.isDigit) else {
            throw .malformed("Content-Length is not a number.")
        }
        guard digits.count == 1 || digits.first != UInt8(ascii: "0") else {
            throw .malformed("Content-Length has leading zeros.")
        }
        guard let length = Int(line) else {
            throw .malformed("Content-Length is out of range.")
        }
        return length
    }
}
