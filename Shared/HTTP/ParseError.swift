/// Why bytes are not an acceptable message. Nothing after the offending byte is parsed.
package struct ParseError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The status a server answers with; a client treats every parse error as 502.
    package let status: Int
    /// A stable slug, the problem's `code`.
    package let code: String
    /// A fixed sentence; never holds bytes of the message.
    package let detail: String

    package init(status: Int, code: String, detail: String) {
        self.status = status
        self.code = code
        self.detail = detail
    }

    static func malformed(_ detail: String) -> ParseError {
        ParseError(status: 400, code: "malformed_request", detail: detail)
    }

    static func fieldsTooLarge(_ detail: String) -> ParseError {
        ParseError(status: 431, code: "header_fields_too_large", detail: detail)
    }

    static func unsupportedCoding(_ detail: String) -> ParseError {
        ParseError(status: 501, code: "unsupported_transfer_coding", detail: detail)
    }

    static func bodyTooLarge(_ limit: Int) -> ParseError {
        ParseError(
            status: 413, code: "body_too_large",
            detail: "The body is larger than the \(limit) bytes this route accepts.")
    }

    /// The peer closed before the message was complete.
    package static let truncated = ParseError(
        status: 400, code: "incomplete_message", detail: "The message ended too early.")

    package var description: String { "\(status) \(code): \(detail)" }

    package var problem: Problem { Problem(status: status, code: code, detail: detail) }
}
