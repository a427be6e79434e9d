/// How the end of a message body is found (RFC 9112 §6.3).
package enum BodyFraming: Sendable, Equatable {
    case none
    case length(Int)
    case chunked
    /// Responses only: the body ends where the connection does.
    case untilClose

    /// The framing of a request. Anything two readers could understand differently is refused:
    /// that difference is what request smuggling lives on (RFC 9112 §11.2, H47–H61).
    static func request(_ head: HeadBuffer, version: HTTPVersion) throws(ParseError) -> BodyFraming {
        // Nearly every GET.
        guard head.has(.transferEncoding) || head.has(.contentLength) else { return .none }
        if let coding = try transferCoding(head, version: version) { return coding }
        guard let length = try contentLength(head), length > 0 else { return .none }
        return .length(length)
    }

    /// The framing of a response to `method` (RFC 9112 §6.3; U1).
    static func response(
        status: Int, to method: Method, head: HeadBuffer, version: HTTPVersion
    ) throws(ParseError) -> BodyFraming {
        let coding = try transferCoding(head, version: version)
        let length = try contentLength(head)
        if method == .head || status < 200 || status == 204 || status == 304 { return .none }
        if let coding { return coding }
        guard let length else { return .untilClose }
        return length > 0 ? .length(length) : .none
    }

    private static func transferCoding(_ head: HeadBuffer, version: HTTPVersion)
        throws(ParseError) -> BodyFraming?
    {
        guard let value = head.value(of: .transferEncoding) else { return nil }
        guard !head.has(.contentLength) else {
            throw .malformed("Content-Length and Transfer-Encoding exclude each other.")
        }
        guard !head.repeats(.transferEncoding) else {
            throw .malformed("Transfer-Encoding is repeated.")
        }
        guard version == .http11 else { throw .malformed("Transfer-Encoding needs HTTP/1.1.") }
        let codings = HeadBuffer.text(value).split(separator: ",", omittingEmptySubsequences: false)
            .map { $0.trimmingOptionalWhitespace.lowercased() }
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
    private static func contentLength(_ head: HeadBuffer) throws(ParseError) -> Int? {
        guard let digits = head.value(of: .contentLength) else { return nil }
        guard !head.repeats(.contentLength) else { throw .malformed("Content-Length is repeated.") }
        guard !digits.isEmpty, digits.allSatisfy(Character8.isDigit) else {
            throw .malformed("Content-Length is not a number.")
        }
        guard digits.count == 1 || digits.first != UInt8(ascii: "0") else {
            throw .malformed("Content-Length has leading zeros.")
        }
        var length = 0
        for digit in digits {
            let (shifted, tooLarge) = length.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = shifted.addingReportingOverflow(Int(digit - UInt8(ascii: "0")))
            guard !tooLarge, !overflow else { throw .malformed("Content-Length is out of range.") }
            length = sum
        }
        return length
    }
}
