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
        let start = output.count
        do throws(WriteError) {
            return try append(response, method, version, keepsAlive, date, &output)
        } catch {
            output.removeLast(output.count - start)
            throw error
        }
    }

    /// The same as bytes of their own.
    package static func head(
        of response: Response, to method: Method, version: HTTPVersion, keepsAlive: Bool,
        date: String
    ) throws(WriteError) -> Head {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        let outcome = try write(
            response, to: method, version: version, keepsAlive: keepsAlive, date: date,
            into: &bytes)
        return Head(bytes: bytes, framing: outcome.framing, keepsAlive: outcome.keepsAlive)
    }

    private static func append(
        _ response: Response, _ method: Method, _ version: HTTPVersion, _ keepsAlive: Bool,
        _ date: String, _ output: inout [UInt8]
    ) throws(WriteError) -> Outcome {
        guard (200...999).contains(response.status) else {
            throw WriteError(detail: "the status \(response.status) is out of range")
        }
        let framing = framing(of: response, version: version)
        var keeps = keepsAlive && version == .http11 && framing != .untilClose
        writeStatus(response.status, to: &output)
        for field in response.headers.fields {
            if !isOwn(field.name) {
                try FieldWriter.write(field.name, field.value, to: &output)
            } else if field.name == "connection", Self.wantsClose(field.value) {
                keeps = false
            }
        }
        try writeFraming(framing, of: response, to: method, &output)
        if !keeps { output.append(contentsOf: "connection: close\r\n".utf8) }
        output.append(contentsOf: "date: ".utf8)
        output.append(contentsOf: date.utf8)
        output.append(contentsOf: "\r\n\r\n".utf8)
        // What a handler gave to a 205 stays unsent: its length was written as 0.
        let isBare = method == .head || response.status == 205
        return Outcome(framing: isBare ? .none : framing, keepsAlive: keeps)
    }

    private static func wantsClose(_ value: String) -> Bool {
        let headers: Headers = ["connection": value]
        return headers.tokens("connection").contains("close")
    }

    private static func writeStatus(_ status: Int, to output: inout [UInt8]) {
        // Nearly every answer; the rest is put together.
        if status == 200 { return output.append(contentsOf: "HTTP/1.1 200 OK\r\n".utf8) }
        output.append(contentsOf: "HTTP/1.1 ".utf8)
        Decimal.write(status, to: &output)
        output.append(Character8.space)
        output.append(contentsOf: StatusPhrase.text(for: status).utf8)
        output.append(contentsOf: "\r\n".utf8)
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
        _ output: inout [UInt8]
    ) throws(WriteError) {
        switch framing {
        case .none, .untilClose: break
        case .chunked: output.append(contentsOf: "transfer-encoding: chunked\r\n".utf8)
        case .length(let length):
            // A proxied answer to HEAD declares the length that GET would have (H91).
            if case .empty = response.body, method == .head,
                let declared = response.headers["content-length"]
            {
                try FieldWriter.write("content-length", declared, to: &output)
            } else {
                output.append(contentsOf: "content-length: ".utf8)
                Decimal.write(length, to: &output)
                output.append(contentsOf: "\r\n".utf8)
            }
        }
    }
}

/// Numbers in decimal, without a string for each.
enum Decimal {
    static func write(_ number: Int, to output: inout [UInt8]) {
        guard number >= 10 else { return output.append(0x30 + UInt8(truncatingIfNeeded: number)) }
        write(number / 10, to: &output)
        output.append(0x30 + UInt8(truncatingIfNeeded: number % 10))
    }
}
