import HTTP

/// What holds for any bytes that an upstream server may send.
enum ResponseProperties {
    static func check(_ bytes: [UInt8], thorough: Bool) throws(PropertyViolation) {
        let more = thorough ? Splits.everyTwo(bytes) : []
        let single = Splits.single(bytes)
        let derived = Splits.derived(bytes)
        for method in [Method.get, .head] {
            let whole = try sameAtEverySplit(bytes, [derived] + more, method, .standard)
            let bytewise = try ResponseTranscript.of(single, to: method, .standard)
            try requireSame(bytewise, whole)
            try compareWithReference(bytes, method, bytewise)
            try writeAndReadAgain(method, whole)
            _ = try sameAtEverySplit(
                bytes, [method == .get ? single : derived] + more, method, .tight)
        }
    }

    private static func sameAtEverySplit(
        _ bytes: [UInt8], _ splits: [Splits.Pieces], _ method: Method, _ limits: HTTPLimits
    ) throws(PropertyViolation) -> ResponseTranscript {
        let whole = try ResponseTranscript.of(Splits.whole(bytes), to: method, limits)
        for pieces in splits {
            try requireSame(ResponseTranscript.of(pieces, to: method, limits), whole)
        }
        if let head = whole.head { try requireSound(head, method, limits) }
        return whole
    }

    private static func requireSame(_ other: ResponseTranscript, _ whole: ResponseTranscript)
        throws(PropertyViolation)
    {
        try require(
            other == whole, "H83: the events are the same at every split",
            "\(other)\n  whole: \(whole)")
        try RequestProperties.requirePrefix(whole.body.value, other.body.value)
    }

    private static func requireSound(
        _ head: ResponseTranscript.Head, _ method: Method, _ limits: HTTPLimits
    ) throws(PropertyViolation) {
        try require(
            (200...999).contains(head.status), "U3: interim responses are swallowed",
            "\(head.status)")
        try require(
            head.fields.count <= limits.fieldsMax, "no more fields than the limit",
            "\(head.fields.count)")
        try require(
            !(head.fields.contains("content-length") && head.fields.contains("transfer-encoding")),
            "U1: never both length and coding")
        try require(
            !head.keepsAlive || head.framing != .untilClose,
            "a connection whose end is the body's end is not kept")
        let bodiless = method == .head || head.status == 204 || head.status == 304
        try require(
            !bodiless || head.framing == .none, "H91, H92: no body after HEAD, 204 and 304",
            "\(head)")
    }

    /// The reference reader finds the same response (see `ReferenceReader`).
    private static func compareWithReference(
        _ bytes: [UInt8], _ method: Method, _ transcript: ResponseTranscript
    ) throws(PropertyViolation) {
        guard transcript.error == nil, let head = transcript.head else { return }
        var reader = ReferenceReader(bytes)
        guard let expected = reader.response(toHead: method == .head) else {
            throw PropertyViolation(
                property: "what the parser accepts is a response to the reference, too",
                detail: "\(transcript)")
        }
        try require(
            expected.startLine[1] == "\(head.status)", "the status is that of the reference",
            "\(head.status) and \(expected.startLine)")
        try require(
            head.fields.map { ReferenceReader.Field($0.name, RequestProperties.latin1($0.value)) }
                == expected.fields,
            "fields are those of the reference", "\(head.fields) \(expected.fields)")
        try require(
            expected.untilClose == (head.framing == .untilClose),
            "a body ends with the connection where it does for the reference", "\(head)")
        try require(
            transcript.body.value == expected.body, "the body is that of the reference",
            "\(transcript.body.value) and \(expected.body)")
        try require(
            transcript.end.value == reader.offset,
            "a response ends where it ends for the reference",
            "\(transcript.end.value) and \(reader.offset)")
    }

    /// Whatever is accepted can be sent onwards: written by the writer, it is read as the same.
    private static func writeAndReadAgain(_ method: Method, _ transcript: ResponseTranscript)
        throws(PropertyViolation)
    {
        // A 205 is written without the body that it must not have.
        guard transcript.error == nil, let head = transcript.head, head.status != 205 else { return }
        let body = transcript.body.value
        let response = Response(
            status: head.status, headers: head.fields, body: body.isEmpty ? .empty : .bytes(body))
        var written: [UInt8] = []
        do throws(WriteError) {
            let head = try ResponseWriter.head(
                of: response, to: method, version: .http11, keepsAlive: true,
                date: "Sun, 06 Nov 1994 08:49:37 GMT")
            written = head.bytes + body
        } catch {
            throw PropertyViolation(
                property: "the writer takes what the parser gave", detail: "\(error)")
        }
        let again = try ResponseTranscript.of(Splits.whole(written), to: method, .loose)
        try require(
            again.error == nil && !again.hasSurplus && again.head?.status == head.status
                && again.body == transcript.body && again.body.value == body
                && again.head.map { RequestProperties.endToEnd($0.fields) }
                    == RequestProperties.endToEnd(head.fields),
            "what was written is read as the same", "\(again)\n  first: \(transcript)")
    }
}
