/// What a handler answers. Framing fields (`Content-Length`, `Transfer-Encoding`, `Connection`,
/// `Date`) are the writer's; `Connection: close` set here ends the connection after the response.
package struct Response: Sendable {
    package var status: Int
    package var headers: Headers
    package var body: ResponseBody

    package init(status: Int, headers: Headers = [:], body: ResponseBody = .empty) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// JSON by the project's coder policy. Throws when the value cannot be encoded.
    package static func json<T: Encodable>(_ status: Int, _ value: T, headers: Headers = [:])
        throws -> Response
    {
        bytes(
            status, try JSONCoding.encode(value), type: "application/json", headers: headers)
    }

    package static func bytes(
        _ status: Int, _ bytes: [UInt8], type: String, headers: Headers = [:]
    ) -> Response {
        var headers = headers
        headers["content-type"] = type
        return Response(status: status, headers: headers, body: .bytes(bytes))
    }

    package static func text(_ status: Int, _ text: String, headers: Headers = [:]) -> Response {
        bytes(status, Array(text.utf8), type: "text/plain; charset=utf-8", headers: headers)
    }

    package static func empty(_ status: Int = 204, headers: Headers = [:]) -> Response {
        Response(status: status, headers: headers)
    }

    /// A body written while it is produced; `type` is its media type. With a `length` exactly so many
    /// bytes must be written: more are refused, and fewer cut the connection.
    package static func stream(
        _ status: Int, type: String, length: Int? = nil, headers: Headers = [:],
        _ write: @escaping @Sendable (any BodyWriter) async throws -> Void
    ) -> Response {
        var headers = headers
        headers["content-type"] = type
        return Response(
            status: status, headers: headers, body: .stream(length: length, write))
    }
}

package enum ResponseBody: Sendable {
    case empty
    case bytes([UInt8])
    /// Sent as it is with a length, otherwise chunked on HTTP/1.1 and until close on 1.0. When the
    /// closure throws the connection is cut without an end of the body, so the client can tell (H96).
    case stream(length: Int?, @Sendable (any BodyWriter) async throws -> Void)
}

/// Where a streaming handler writes.
package protocol BodyWriter: Sendable {
    /// Returns when the bytes are taken over (back-pressure); throws when the client is gone.
    func write(_ bytes: [UInt8]) async throws
}

/// Answers a request. A thrown `Problem` becomes its response; any other error a 500.
package typealias Handler = @Sendable (Request) async throws -> Response

/// A policy around handlers.
package struct Middleware: Sendable {
    package let name: String
    package let body: @Sendable (Request, @escaping Handler) async throws -> Response

    package init(
        _ name: String, _ body: @escaping @Sendable (Request, @escaping Handler) async throws -> Response
    ) {
        self.name = name
        self.body = body
    }

    /// Adds nothing.
    static let none = Middleware("none") { request, next in try await next(request) }
}
