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
        let fields = headers.fields
        let capacity =
            name.utf8.count + target.utf8.count + FieldWriter.capacity(of: "host", host)
            + FieldWriter.capacity(of: fields) + fixedCapacity
        try output.append(addingCapacity: capacity) { head throws(WriteError) in
            head.append(name)
            head.append(Character8.space)
            head.append(target)
            head.append(" HTTP/1.1\r\n" as StaticString)
            try FieldWriter.write("host", host, to: &head)
            for field in fields where !ownFields.contains(field.name) {
                try FieldWriter.write(field.name, field.value, to: &head)
            }
            if let bodyLength {
                if bodyLength > 0 || method.expectsBody {
                    FieldWriter.writeLength(bodyLength, to: &head)
                }
            } else {
                head.append("transfer-encoding: chunked\r\n" as StaticString)
            }
            head.append("\r\n" as StaticString)
        }
        return output
    }

    /// Room for what is the same in every head, and for the length of a body.
    private static let fixedCapacity = 96

    private static let ownFields: Set<String> = [
        "host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade",
        "trailer", "te", "expect",
    ]
}
