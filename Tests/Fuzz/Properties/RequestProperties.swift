import HTTP

/// What holds for any bytes that a client may send.
enum RequestProperties {
    static func check(_ bytes: [UInt8], thorough: Bool) throws(PropertyViolation) {
        let more = thorough ? Splits.everyTwo(bytes) : []
        let single = Splits.single(bytes)
        let derived = Splits.derived(bytes)
        let whole = try sameAtEverySplit(bytes, [derived] + more, .standard)
        _ = try sameAtEverySplit(bytes, [single] + more, .tight)
        _ = try sameAtEverySplit(bytes, [derived] + more, .standard, bodyLimit: 40)
        let bytewise = try RequestTranscript.of(single, .standard)
        try requireSame(bytewise, whole)
        try compareWithReference(bytes, bytewise)
        try writeAndReadAgain(whole)
    }

    private static func sameAtEverySplit(
        _ bytes: [UInt8], _ splits: [Splits.Pieces], _ limits: HTTPLimits, bodyLimit: Int? = nil
    ) throws(PropertyViolation) -> RequestTranscript {
        let whole = try RequestTranscript.of(Splits.whole(bytes), limits, bodyLimit: bodyLimit)
        for pieces in splits {
            let other = try RequestTranscript.of(pieces, limits, bodyLimit: bodyLimit)
            try requireSame(other, whole)
        }
        for message in whole.messages + (whole.open.map { [$0] } ?? []) {
            try requireSound(message, limits)
        }
        return whole
    }

    private static func requireSame(_ other: RequestTranscript, _ whole: RequestTranscript)
        throws(PropertyViolation)
    {
        try require(
            other == whole, "H83: the events are the same at every split",
            "\(other)\n  whole: \(whole)")
        try requirePrefix(whole.openBody.value, other.openBody.value)
    }

    /// How much of a body is handed out before it is refused or runs dry depends on the split;
    /// which bytes do not.
    static func requirePrefix(_ one: [UInt8], _ other: [UInt8]) throws(PropertyViolation) {
        let common = min(one.count, other.count)
        try require(
            one[..<common] == other[..<common], "an unfinished body has the same bytes",
            "\(one) and \(other)")
    }

    /// What a handler may rely on when it sees a head.
    private static func requireSound(_ message: RequestTranscript.Message, _ limits: HTTPLimits)
        throws(PropertyViolation)
    {
        let hosts = message.fields.values("host").count
        try require(
            message.version == .http10 ? hosts <= 1 : hosts == 1, "H26, H27: one Host", "\(hosts)")
        try require(
            message.fields.count <= limits.fieldsMax, "H36: no more fields than the limit",
            "\(message.fields.count)")
        for field in message.fields {
            try require(
                !field.name.isEmpty && field.name == field.name.lowercased()
                    && field.name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
                    && !field.name.utf8.contains(UInt8(ascii: "_")),
                "H31, H37: a name is a token in lower case without underscore", field.name)
            try require(
                field.value.unicodeScalars.allSatisfy {
                    ($0.value >= 0x20 || $0 == "\t") && $0.value != 0x7f && $0.value <= 0xff
                }, "H32, H33: a value has no control characters", field.value)
        }
        try require(
            !(message.fields.contains("content-length")
                && message.fields.contains("transfer-encoding")),
            "H47: never both length and coding")
        let path = message.path
        let segments = path.utf8.split(separator: UInt8(ascii: "/"))
        try require(
            path == "*" || path.utf8.first == UInt8(ascii: "/"), "a path begins with a slash", path)
        try require(
            !segments.contains { $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) }
                && path.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "\\") },
            "H23, H24: a path has no dot segments, controls or backslashes", path)
        guard path != "*" else { return }
        var again: String?
        do throws(ParseError) { again = try CanonicalPath(CanonicalPath.encode(path)).decoded } catch {}  // Ignored: nil fails below.
        try require(
            again == path, "PX-3: the canonical path is canonical", "\(path): \(again ?? "refused")")
    }

    /// A second reader of a few lines, without limits, finds the same requests at the same places:
    /// two readers that disagree are what request smuggling needs (RFC 9112 §11.2).
    private static func compareWithReference(_ bytes: [UInt8], _ transcript: RequestTranscript)
        throws(PropertyViolation)
    {
        var reader = ReferenceReader(bytes)
        for (index, message) in transcript.messages.enumerated() {
            guard let expected = reader.request() else {
                throw PropertyViolation(
                    property: "what the parser accepts is a request to the reference, too",
                    detail: "request \(index): \(message)")
            }
            try require(
                message.method.text == expected.startLine[0]
                    && message.target == ReferenceReader.originForm(expected.startLine[1]),
                "method and target are those of the reference", "\(message) \(expected)")
            try require(
                message.fields.map { ReferenceReader.Field($0.name, latin1($0.value)) }
                    == expected.fields.filter { !$0.name.contains("_") },
                "fields are those of the reference", "\(message.fields) \(expected.fields)")
            try require(
                transcript.bodies[index] == expected.body, "the body is that of the reference",
                "\(transcript.bodies[index]) and \(expected.body)")
            try require(
                transcript.ends.value[index] == reader.offset,
                "a request ends where it ends for the reference",
                "\(transcript.ends.value[index]) and \(reader.offset)")
        }
    }

    /// Whatever is accepted can be sent onwards: written by the writer, it is read as the same.
    private static func writeAndReadAgain(_ transcript: RequestTranscript)
        throws(PropertyViolation)
    {
        for (message, body) in zip(transcript.messages, transcript.bodies) {
            let host = message.fields["host"] ?? "a"
            var written: [UInt8] = []
            do throws(WriteError) {
                written = try RequestWriter.head(
                    message.method, target: message.target, host: host, headers: message.fields,
                    bodyLength: body.count)
            } catch {
                throw PropertyViolation(
                    property: "the writer takes what the parser gave", detail: "\(error)")
            }
            let again = try RequestTranscript.of(Splits.whole(written + body), .loose)
            guard let read = again.messages.first, again.messages.count == 1, again.isIdle else {
                throw PropertyViolation(
                    property: "what was written is one request", detail: "\(again)")
            }
            try require(
                read.method == message.method && read.target == message.target
                    && read.path == message.path && read.query == message.query
                    && read.fields["host"] == host && again.bodies == [body]
                    && endToEnd(read.fields) == endToEnd(message.fields),
                "what was written is read as the same", "\(read)\n  first: \(message)")
        }
    }

    /// Fields of the connection (RFC 9110 §7.6.1) and of the writers, which no message keeps.
    static let hopFields: Set<String> = [
        "host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade",
        "trailer", "te", "expect", "date",
    ]

    static func endToEnd(_ headers: Headers) -> [Headers.Field] {
        headers.filter { !hopFields.contains($0.name) }
    }

    /// A value's bytes; the parser gives one scalar for each.
    static func latin1(_ value: String) -> [UInt8] {
        value.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
    }
}
