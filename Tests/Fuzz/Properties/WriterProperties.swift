import HTTP

/// What holds for anything that a handler or a caller of the client may put into a message: a writer
/// refuses it, or exactly one message with exactly these values is on the wire (H94). A value that
/// ends its line would add fields, or messages, that nobody meant (RFC 9112 §11.1).
///
/// The input is text, cut at each U+001E: method, target, host, body, then names and values in turn.
enum WriterProperties {
    static func check(_ bytes: [UInt8]) throws(PropertyViolation) {
        let parts = bytes.split(
            separator: 0x1e, maxSplits: 40, omittingEmptySubsequences: false)
        try checkWriters(parts.map { String(decoding: $0, as: UTF8.self) })
        // One scalar for each byte is what parsers hand out, and what a proxy writes.
        try checkWriters(parts.map(latin1))
    }

    /// What the request's and the response's writer do with the parts as UTF-8.
    static func verdict(on bytes: [UInt8]) -> String {
        let parts = bytes.split(
            separator: 0x1e, maxSplits: 40, omittingEmptySubsequences: false
        ).map { String(decoding: $0, as: UTF8.self) }
        let request = request(parts, headers(parts)) == nil ? "refused" : "written"
        let response = response(parts, headers(parts)) == nil ? "refused" : "written"
        return "\(request), \(response)"
    }

    private static func checkWriters(_ parts: [String]) throws(PropertyViolation) {
        let headers = headers(parts)
        if let written = request(parts, headers) {
            try compare(written, body(parts), headers, isResponse: false) { words in
                words == [part(parts, 0), part(parts, 1), "HTTP/1.1"]
            }
        }
        if let written = response(parts, headers) {
            try compare(written, body(parts), headers, isResponse: true) { words in
                words.prefix(2) == ["HTTP/1.1", "200"]
            }
        }
    }

    private static func compare(
        _ head: [UInt8], _ body: [UInt8], _ headers: Headers, isResponse: Bool,
        startLine isRight: ([String]) -> Bool
    ) throws(PropertyViolation) {
        let all = head + body
        var reader = ReferenceReader(all)
        guard let read = isResponse ? reader.response(toHead: false) : reader.request() else {
            throw PropertyViolation(
                property: "what is written is a message", detail: Escapes.text(of: all))
        }
        try require(
            isRight(read.startLine), "the start line is the one that was meant",
            "\(read.startLine)")
        try require(
            reader.offset == all.count && read.body == body, "H94: one message is written, and all of it",
            Escapes.text(of: all))
        let expected = RequestProperties.endToEnd(headers).map {
            ReferenceReader.Field($0.name, trimmed($0.value))
        }
        try require(
            read.fields.filter { !RequestProperties.hopFields.contains($0.name) } == expected,
            "H94: exactly the given fields are written",
            "\(read.fields), given \(expected)")
    }

    private static func request(_ parts: [String], _ headers: Headers) -> [UInt8]? {
        do throws(WriteError) {
            return try RequestWriter.head(
                Method(part(parts, 0)), target: part(parts, 1), host: part(parts, 2),
                headers: headers, bodyLength: body(parts).count)
        } catch {
            return nil
        }
    }

    private static func response(_ parts: [String], _ headers: Headers) -> [UInt8]? {
        do throws(WriteError) {
            return try ResponseWriter.head(
                of: Response(status: 200, headers: headers, body: .bytes(body(parts))), to: .get,
                version: .http11, keepsAlive: true, date: "Sun, 06 Nov 1994 08:49:37 GMT"
            ).bytes
        } catch {
            return nil
        }
    }

    private static func part(_ parts: [String], _ index: Int) -> String {
        index < parts.count ? parts[index] : ""
    }

    private static func body(_ parts: [String]) -> [UInt8] { Array(part(parts, 3).utf8) }

    private static func headers(_ parts: [String]) -> Headers {
        var headers = Headers()
        for index in stride(from: 4, to: parts.count, by: 2) {
            headers.add(parts[index], part(parts, index + 1))
        }
        return headers
    }

    private static func latin1(_ bytes: ArraySlice<UInt8>) -> String {
        var text = String.UnicodeScalarView()
        for byte in bytes { text.append(Unicode.Scalar(byte)) }
        return String(text)
    }

    private static func trimmed(_ value: String) -> [UInt8] {
        var bytes = RequestProperties.latin1(value)[...]
        while bytes.first == 32 || bytes.first == 9 { bytes = bytes.dropFirst() }
        while bytes.last == 32 || bytes.last == 9 { bytes = bytes.dropLast() }
        return Array(bytes)
    }
}
