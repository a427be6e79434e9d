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

    /// From the bytes of one that has a name here; nil for any other. No text is made.
    init?(known bytes: [UInt8], _ range: Range<Int>) {
        // The characters as the digits of one number; it holds eight, and no method here has more.
        guard range.count <= 8 else { return nil }
        var word: UInt64 = 0
        var index = range.lowerBound
        while index < range.upperBound {
            word = word &<< 8 | UInt64(bytes[index])
            index &+= 1
        }
        switch word {
        case 0x47_45_54: self = .get
        case 0x48_45_41_44: self = .head
        case 0x50_4f_53_54: self = .post
        case 0x50_55_54: self = .put
        case 0x50_41_54_43_48: self = .patch
        case 0x44_45_4c_45_54_45: self = .delete
        case 0x4f_50_54_49_4f_4e_53: self = .options
        case 0x54_52_41_43_45: self = .trace
        case 0x43_4f_4e_4e_45_43_54: self = .connect
        case 0x51_55_45_52_59: self = .query
        default: return nil
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
