/// A request method (RFC 9110 §9). Methods are case-sensitive: `get` is `other("get")`.
package enum Method: Sendable, Hashable {
    case get, head, post, put, patch, delete, options, trace, connect
    /// A safe request with a body (the HTTP working group's QUERY). Known, so that a resource
    /// without it answers 405 with `Allow`; no resource here has it.
    case query
    /// Any other token; the router answers 501.
    case other(String)

    package init(_ text: String) {
        switch text {
        case "GET": self = .get
        case "HEAD": self = .head
        case "POST": self = .post
        case "PUT": self = .put
        case "PATCH": self = .patch
        case "DELETE": self = .delete
        case "OPTIONS": self = .options
        case "TRACE": self = .trace
        case "CONNECT": self = .connect
        case "QUERY": self = .query
        default: self = .other(text)
        }
    }

    /// The text on the wire.
    package var text: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .patch: "PATCH"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .connect: "CONNECT"
        case .query: "QUERY"
        case .other(let text): text
        }
    }

    /// Repeating the request has the same effect as sending it once (RFC 9110 §9.2.2, RT-1).
    package var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace, .query: true
        case .post, .patch, .connect, .other: false
        }
    }

    /// Requests that carry a body even when it is empty, so `Content-Length: 0` is spelled out.
    package var expectsBody: Bool {
        switch self {
        case .post, .put, .patch, .query: true
        default: false
        }
    }
}

extension Method: CustomStringConvertible {
    package var description: String { text }
}

/// The versions spoken here; a minor version above 1 is handled as 1.1 (RFC 9110 §2.5, H9).
package enum HTTPVersion: Sendable, Hashable {
    case http10, http11
}
