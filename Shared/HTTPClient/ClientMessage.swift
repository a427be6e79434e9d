package import HTTP

/// A request to an absolute `http` or `https` URL.
package struct ClientRequest: Sendable {
    package var method: Method
    /// `http[s]://host[:port]/path?query`, already percent-encoded.
    package var url: String
    /// Framing, `Host` and `Connection` are the client's own and ignored here.
    package var headers: Headers
    package var body: [UInt8]
    /// A body that is made while it is sent, instead of `body`.
    package var upload: ClientUpload?
    /// The path's pattern, for example `/internal/carts/{id}`: names the call in traces.
    package var route: String?

    package init(
        method: Method = .get, url: String, headers: Headers = [:], body: [UInt8] = [],
        upload: ClientUpload? = nil, route: String? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.upload = upload
        self.route = route
    }
}

/// A response whose head has arrived; the body is read by the caller.
package struct ClientResponse: Sendable {
    package let status: Int
    package let headers: Headers
    package let body: ClientBody
}

/// A response's body, read once. Nothing is read from the connection faster than the caller asks
/// for it; letting go of the body, or cancelling its reader, closes the connection.
package struct ClientBody: AsyncSequence, Sendable {
    package typealias Element = [UInt8]

    let exchange: Exchange
    /// What `Content-Length` says; nil when the length is not known beforehand.
    package let declaredLength: Int?

    /// Throws `ClientError`: `timeout` when nothing came for the body's idle time, `reset`,
    /// `malformed`, `cancelled`.
    package struct AsyncIterator: AsyncIteratorProtocol {
        let exchange: Exchange

        package func next() async throws -> [UInt8]? { try await exchange.next(deadline: nil) }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(exchange: exchange) }

    /// The whole body. Holds the request's deadline, and `limit` bytes; beyond: `tooLarge`.
    package func collect(upTo limit: Int = 1 << 20) async throws(ClientError) -> [UInt8] {
        if let declaredLength, declaredLength > limit {
            await exchange.abandon()
            throw ClientError(.tooLarge, "a body of \(declaredLength) bytes")
        }
        var collected: [UInt8] = []
        while let piece = try await exchange.next(deadline: exchange.deadline) {
            guard piece.count <= limit - collected.count else {
                await exchange.abandon()
                throw ClientError(.tooLarge, "a body of more than \(limit) bytes")
            }
            if collected.isEmpty { collected = piece } else { collected += piece }
        }
        return collected
    }
}

/// Scheme, host and port: what a connection can be shared for.
struct Origin: Sendable, Hashable, CustomStringConvertible {
    enum Scheme: String, Sendable {
        case http, https

        var defaultPort: Int { self == .https ? 443 : 80 }
    }

    let scheme: Scheme
    let host: String
    let port: Int

    /// The `Host` field; the scheme's own port is left out.
    var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == scheme.defaultPort ? name : "\(name):\(port)"
    }

    /// For logs and metrics; `http` is not said.
    var description: String { scheme == .https ? "https://\(authority)" : authority }
}

/// A URL taken apart.
struct ClientURL: Sendable {
    let origin: Origin
    /// Path and query.
    let target: String

    init(_ text: String) throws(ClientError) {
        let schemes = [("http://", Origin.Scheme.http), ("https://", .https)]
        guard
            let (prefix, scheme) = schemes.first(where: {
                text.prefix($0.0.count).equalsIgnoringCase($0.0)
            })
        else {
            throw ClientError(
                .invalidRequest, "a URL must begin with http:// or https://", nothingWritten: true)
        }
        let rest = text.dropFirst(prefix.count)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let authority = rest[..<end]
        let path = rest[end...]
        target = path.hasPrefix("/") ? String(path) : "/" + path
        var host = authority
        var port = scheme.defaultPort
        // The last colon, unless it belongs to an IPv6 address.
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            guard let number = Int(authority[authority.index(after: colon)...]),
                (1...65_535).contains(number)
            else {
                throw ClientError(.invalidRequest, "the URL's port", nothingWritten: true)
            }
            host = authority[..<colon]
            port = number
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty, !host.contains("@") else {
            throw ClientError(.invalidRequest, "the URL's host", nothingWritten: true)
        }
        origin = Origin(scheme: scheme, host: host.lowercased(), port: port)
    }
}
