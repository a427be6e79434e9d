/// How the bytes after a response's head are framed.
package enum ResponseFraming: Sendable, Equatable {
    /// No body follows.
    case none
    /// So many bytes follow as they are.
    case length(Int)
    case chunked
    /// HTTP/1.0 streams: the connection's end is the body's end (H95).
    case untilClose
}

/// Serialises response heads and chunks. Fields that belong to the connection are written here and
/// ignored in what a handler gave.
package enum ResponseWriter {
    /// What was decided while a head was written.
    package struct Outcome: Sendable, Equatable {
        package let framing: ResponseFraming
        /// False: close after the body.
        package let keepsAlive: Bool
    }

    /// A head with its bytes.
    package struct Head: Sendable {
        package let bytes: [UInt8]
        package let framing: ResponseFraming
        /// False: close after the body.
        package let keepsAlive: Bool
    }

    package static let lastChunk: [UInt8] = Array("0\r\n\r\n".utf8)
    package static let continueHead: [UInt8] = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    /// Appends the head of the answer to a request of `method` and `version`. `keepsAlive` is the
    /// connection's wish; `Connection: close` in the response overrules it. `date` is the
    /// IMF-fixdate of now. When a field holds CR, LF, NUL or a character beyond Latin-1 it throws,
    /// and `output` is as it was (H94).
    package static func write(
        _ response: Response, to method: Method, version: HTTPVersion, keepsAlive: Bool,
        date: String, into output: inout [UInt8]
    ) throws(WriteError) -> Outcome {
        guard (200...999).contains(response.status) else {
            throw WriteError(detail: "the status \(response.status) is out of range")
        }
        let framing = framing(of: response, version: version)
        let fields = response.headers.fields
        var keeps = keepsAlive && version == .http11 && framing != .untilClose
        let start = output.count
        let capacity = FieldWriter.capacity(of: fields) + date.utf8.count + fixedCapacity
        do throws(WriteError) {
            try output.append(addingCapacity: capacity) { head throws(WriteError) in
                writeStatus(response.status, to: &head)
                if try writeFields(fields, to: &head) { keeps = false }
                try writeFraming(framing, of: response, to: method, &head)
                if !keeps { head.append("connection: close\r\n" as StaticString) }
                head.append("date: " as StaticString)
                head.append(date)
                head.append("\r\n\r\n" as StaticString)
            }
        } catch {
            output.removeLast(output.count - start)
            throw error
        }
        // What a handler gave to a 205 stays unsent: its length was written as 0.
        let isBare = method == .head || response.status == 205
        return Outcome(framing: isBare ? .none : framing, keepsAlive: keeps)
    }

    /// Room for a status line, the framing, `connection` and the name of `date`.
    private static let fixedCapacity = 192

    /// The same as bytes of their own.
    package static func head(
        of response: Response, to method: Method, version: HTTPVersion, keepsAlive: Bool,
        date: String
    ) throws(WriteError) -> Head {
        var bytes: [UInt8] = []
        let outcome = try write(
            response, to: method, version: version, keepsAlive: keepsAlive, date: date,
            into: &bytes)
        return Head(bytes: bytes, framing: outcome.framing, keepsAlive: outcome.keepsAlive)
    }

    /// True when the handler wishes the connection to end.
    private static func writeFields(_ fields: [Headers.Field], to head: inout OutputSpan<UInt8>)
        throws(WriteError) -> Bool
    {
        var closes = false
        let fields = fields.span
        for index in fields.indices {
            if !isOwn(fields[index].name) {
                try FieldWriter.write(fields[index].name, fields[index].value, to: &head)
            } else if fields[index].name == "connection", wantsClose(fields[index].value) {
                closes = true
            }
        }
        return closes
    }

    private static func wantsClose(_ value: String) -> Bool {
        let headers: Headers = ["connection": value]
        return headers.tokens("connection").contains("close")
    }

    private static func writeStatus(_ status: Int, to head: inout OutputSpan<UInt8>) {
        // Nearly every answer; the rest is put together.
        if status == 200 { return head.append("HTTP/1.1 200 OK\r\n" as StaticString) }
        head.append("HTTP/1.1 " as StaticString)
        head.append(decimal: status)
        head.append(Character8.space)
        head.append(StatusPhrase.text(for: status))
        head.append("\r\n" as StaticString)
    }

    /// One chunk; empty data gives nothing, since an empty chunk would end the body.
    package static func chunk(_ data: [UInt8]) -> [UInt8] {
        guard !data.isEmpty else { return [] }
        var output: [UInt8] = []
        output.reserveCapacity(data.count + 20)
        output.append(contentsOf: String(data.count, radix: 16).utf8)
        output.append(contentsOf: "\r\n".utf8)
        output.append(contentsOf: data)
        output.append(contentsOf: "\r\n".utf8)
        return output
    }

    private static func isOwn(_ name: String) -> Bool {
        switch name.utf8.count {
        case 4: name == "date"
        case 7: name == "upgrade" || name == "trailer"
        case 10: name == "connection" || name == "keep-alive"
        case 14: name == "content-length"
        case 17: name == "transfer-encoding"
        default: false
        }
    }

    private static func framing(of response: Response, version: HTTPVersion) -> ResponseFraming {
        // These statuses have no body whatever the handler says (RFC 9112 §6.3, H92).
        if response.status == 204 || response.status == 304 { return .none }
        // 205 has an empty one, and says so (RFC 9110 §15.3.6).
        if response.status == 205 { return .length(0) }
        switch response.body {
        case .empty: return .length(0)
        case .bytes(let bytes): return .length(bytes.count)
        case .stream(let length, _):
            if let length { return .length(length) }
            return version == .http11 ? .chunked : .untilClose
        }
    }

    private static func writeFraming(
        _ framing: ResponseFraming, of response: Response, to method: Method,
        _ head: inout OutputSpan<UInt8>
    ) throws(WriteError) {
        switch framing {
        case .none, .untilClose: break
        case .chunked: head.append("transfer-encoding: chunked\r\n" as StaticString)
        case .length(let length):
            // A proxied answer to HEAD declares the length that GET would have (H91).
            if case .empty = response.body, method == .head,
                let declared = response.headers["content-length"]
            {
                try FieldWriter.write("content-length", declared, to: &head)
            } else {
                FieldWriter.writeLength(length, to: &head)
            }
        }
    }
}
