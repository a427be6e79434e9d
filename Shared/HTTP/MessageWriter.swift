/// Why a head was refused: it would let a value end the line it stands in (H94).
package struct WriteError: Error, Sendable, Equatable, CustomStringConvertible {
    package let detail: String
    package var description: String { detail }
}

/// How the bytes after a response's head are framed.
package enum ResponseFraming: Sendable, Equatable {
    /// No body follows.
    case none
    /// The bytes follow as they are.
    case length(Int)
    case chunked
    /// HTTP/1.0 streams: the connection's end is the body's end (H95).
    case untilClose
}

/// Serialises response heads and chunks. Fields that belong to the connection are written here and
/// ignored in what a handler gave.
package enum ResponseWriter {
    package struct Head: Sendable {
        package let bytes: [UInt8]
        package let framing: ResponseFraming
        /// False: close after the body.
        package let keepsAlive: Bool
    }

    package static let lastChunk: [UInt8] = Array("0\r\n\r\n".utf8)
    package static let continueHead: [UInt8] = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    /// The head of the answer to a request of `method` and `version`. `keepsAlive` is the
    /// connection's wish; `Connection: close` in the response overrules it. `date` is the
    /// IMF-fixdate of now. Throws when a field holds CR, LF, NUL or a character beyond Latin-1.
    package static func head(
        of response: Response, to method: Method, version: HTTPVersion, keepsAlive: Bool,
        date: String
    ) throws(WriteError) -> Head {
        guard (200...999).contains(response.status) else {
            throw WriteError(detail: "the status \(response.status) is out of range")
        }
        let framing = framing(of: response, version: version)
        let keeps =
            keepsAlive && version == .http11 && framing != .untilClose
            && !response.headers.tokens("connection").contains("close")
        var output: [UInt8] = []
        output.reserveCapacity(512)
        output += "HTTP/1.1 ".utf8
        output += String(response.status).utf8
        output.append(Character8.space)
        output += StatusPhrase.text(for: response.status).utf8
        output += "\r\n".utf8
        for field in response.headers where !ownFields.contains(field.name) {
            try FieldWriter.write(field.name, field.value, to: &output)
        }
        try writeFraming(framing, of: response, to: method, &output)
        if !keeps { output += "connection: close\r\n".utf8 }
        try FieldWriter.write("date", date, to: &output)
        output += "\r\n".utf8
        let bodyless = method == .head ? ResponseFraming.none : framing
        return Head(bytes: output, framing: bodyless, keepsAlive: keeps)
    }

    /// One chunk; empty data gives nothing, since an empty chunk would end the body.
    package static func chunk(_ data: [UInt8]) -> [UInt8] {
        guard !data.isEmpty else { return [] }
        var output: [UInt8] = []
        output.reserveCapacity(data.count + 12)
        output += String(data.count, radix: 16).utf8
        output += "\r\n".utf8
        output += data
        output += "\r\n".utf8
        return output
    }

    private static let ownFields: Set<String> = [
        "content-length", "transfer-encoding", "connection", "keep-alive", "date", "upgrade",
        "trailer",
    ]

    private static func framing(of response: Response, version: HTTPVersion) -> ResponseFraming {
        // These statuses have no body whatever the handler says (RFC 9112 §6.3, H92).
        if response.status == 204 || response.status == 304 { return .none }
        switch response.body {
        case .empty: return .length(0)
        case .bytes(let bytes): return .length(bytes.count)
        case .stream: return version == .http11 ? .chunked : .untilClose
        }
    }

    private static func writeFraming(
        _ framing: ResponseFraming, of response: Response, to method: Method,
        _ output: inout [UInt8]
    ) throws(WriteError) {
        switch framing {
        case .none, .untilClose: break
        case .chunked: output += "transfer-encoding: chunked\r\n".utf8
        case .length(let length):
            // A proxied answer to HEAD declares the length that GET would have (H91).
            if method == .head, case .empty = response.body,
                let declared = response.headers["content-length"]
            {
                try FieldWriter.write("content-length", declared, to: &output)
            } else {
                output += "content-length: \(length)\r\n".utf8
            }
        }
    }
}

/// Serialises request heads.
package enum RequestWriter {
    /// `target` is origin-form. Framing and `Host` are written here; the same names in `headers`
    /// are ignored. The body follows as it is.
    package static func head(
        _ method: Method, target: String, host: String, headers: Headers, bodyLength: Int
    ) throws(WriteError) -> [UInt8] {
        let name = method.text
        guard !name.isEmpty, name.utf8.allSatisfy(Character8.isToken) else {
            throw WriteError(detail: "the method is not a token")
        }
        guard target.hasPrefix("/") || target == "*",
            target.utf8.allSatisfy(Character8.isTargetCharacter)
        else { throw WriteError(detail: "the target is not a request target") }
        var output: [UInt8] = []
        output.reserveCapacity(512)
        output += name.utf8
        output.append(Character8.space)
        output += target.utf8
        output += " HTTP/1.1\r\n".utf8
        try FieldWriter.write("host", host, to: &output)
        for field in headers where !ownFields.contains(field.name) {
            try FieldWriter.write(field.name, field.value, to: &output)
        }
        if bodyLength > 0 || method.expectsBody {
            output += "content-length: \(bodyLength)\r\n".utf8
        }
        output += "\r\n".utf8
        return output
    }

    private static let ownFields: Set<String> = [
        "host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade",
        "trailer", "te", "expect",
    ]
}

/// One field line; the only place where names and values reach the wire.
private enum FieldWriter {
    static func write(_ name: String, _ value: String, to output: inout [UInt8])
        throws(WriteError)
    {
        guard !name.isEmpty, name.utf8.allSatisfy(Character8.isToken) else {
            throw WriteError(detail: "a header name is not a token")
        }
        output += name.utf8
        output += ": ".utf8
        for scalar in value.unicodeScalars {
            guard scalar.value <= 0xff, let byte = UInt8(exactly: scalar.value),
                !Character8.isControl(byte)
            else {
                throw WriteError(detail: "the header \(name) holds a character it must not")
            }
            output.append(byte)
        }
        output += "\r\n".utf8
    }
}
