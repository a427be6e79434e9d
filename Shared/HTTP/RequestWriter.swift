/// Why a message was not written: a value would end the line it stands in (H94), or a body is not as
/// long as its head says.
package struct WriteError: Error, Sendable, Equatable, CustomStringConvertible {
    package let detail: String
    package var description: String { detail }

    package init(detail: String) { self.detail = detail }
}

/// Serialises request heads.
package enum RequestWriter {
    /// `target` is origin-form. Framing and `Host` are written here; the same names in `headers`
    /// are ignored. The body follows as it is; in chunks when its length is nil.
    package static func head(
        _ method: Method, target: String, host: String, headers: Headers, bodyLength: Int?
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
        if let bodyLength {
            if bodyLength > 0 || method.expectsBody {
                output += "content-length: \(bodyLength)\r\n".utf8
            }
        } else {
            output += "transfer-encoding: chunked\r\n".utf8
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
enum FieldWriter {
    static func write(_ name: String, _ value: String, to output: inout [UInt8])
        throws(WriteError)
    {
        let start = output.count
        append(name, to: &output)
        guard output.count > start, output[start...].allSatisfy(Character8.isToken) else {
            throw WriteError(detail: "a header name is not a token")
        }
        output.append(Character8.colon)
        output.append(Character8.space)
        let valueStart = output.count
        append(value, to: &output)
        if !output[valueStart...].allSatisfy({ $0 > 0x1f && $0 < 0x7f }) {
            output.removeLast(output.count - valueStart)
            try writeScalars(of: value, named: name, to: &output)
        }
        output.append(Character8.cr)
        output.append(Character8.lf)
    }

    /// Appending first and looking afterwards goes through memory twice and through a string's
    /// characters never.
    private static func append(_ text: String, to output: inout [UInt8]) {
        let isContiguous: Void? = text.utf8.withContiguousStorageIfAvailable { bytes in
            output.append(contentsOf: bytes)
        }
        if isContiguous == nil { output.append(contentsOf: Array(text.utf8)) }
    }

    /// obs-text: one byte for each scalar (H34).
    private static func writeScalars(
        of value: String, named name: String, to output: inout [UInt8]
    ) throws(WriteError) {
        for scalar in value.unicodeScalars {
            guard scalar.value <= 0xff, let byte = UInt8(exactly: scalar.value),
                !Character8.isControl(byte)
            else {
                throw WriteError(detail: "the header \(name) holds a character it must not")
            }
            output.append(byte)
        }
    }
}
