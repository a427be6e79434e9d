/// Why there is no response, or why its body broke off.
package struct ClientError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable {
        /// No connection within the connect time-out; nothing was sent.
        case connectFailed
        /// No TLS with the peer: it could not prove to be the host, refused us, speaks none, or sent what
        /// breaks the protection. The same connection made again would fail again.
        case tlsFailed
        /// The deadline passed before the head, or a body made no progress.
        case timeout
        /// The peer cut the connection.
        case reset
        /// What came back is not an acceptable response (U1).
        case malformed
        /// A body longer than the caller collects.
        case tooLarge
        /// No free connection in time, or too many requests wait already.
        case poolExhausted
        /// The calling task was cancelled.
        case cancelled
        /// The request cannot be sent: its URL, a header, or a second reader of one body.
        case invalidRequest
    }

    package let code: Code
    /// For logs; names the origin, never the path or a header.
    package let detail: String
    package let underlying: (any Error)?
    /// Certain that the peer has not seen a byte of the request: any method may be repeated (RT-1).
    package let nothingWritten: Bool

    package init(
        _ code: Code, _ detail: String, underlying: (any Error)? = nil, nothingWritten: Bool = false
    ) {
        self.code = code
        self.detail = detail
        self.underlying = underlying
        self.nothingWritten = nothingWritten
    }

    package var description: String {
        let cause = underlying.map { " (\($0))" } ?? ""
        return "\(code.rawValue): \(detail)\(cause)"
    }
}
