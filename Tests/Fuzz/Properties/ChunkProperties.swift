import HTTP

/// What holds for any bytes where a chunked body is expected.
enum ChunkProperties {
    static func check(_ bytes: [UInt8], thorough: Bool) throws(PropertyViolation) {
        let more = thorough ? Splits.everyTwo(bytes) : []
        let single = Splits.single(bytes)
        let derived = Splits.derived(bytes)
        _ = try sameAtEverySplit(bytes, [single] + more, .standard)
        let bound = try sameAtEverySplit(bytes, [derived] + more, .tight)
        let free = try sameAtEverySplit(bytes, more, .loose)
        let bytewise = try ChunkTranscript.inRequest(single, .loose)
        try requireSame(bytewise, free)
        // A response's body has no limit of its own; .loose has none that these inputs reach.
        let response = try ChunkTranscript.inResponse(derived, .loose)
        try require(
            response == free, "chunks mean the same in requests and in responses",
            "\(response) and \(free)")
        try compareWithReference(bytes, bytewise)
        try compareLimits(bytes, free, bound)
        try encodeAndDecode(bytes)
    }

    private static func sameAtEverySplit(
        _ bytes: [UInt8], _ splits: [Splits.Pieces], _ limits: HTTPLimits
    ) throws(PropertyViolation) -> ChunkTranscript {
        let whole = try ChunkTranscript.inRequest(Splits.whole(bytes), limits)
        for pieces in splits { try requireSame(ChunkTranscript.inRequest(pieces, limits), whole) }
        return whole
    }

    private static func requireSame(_ other: ChunkTranscript, _ whole: ChunkTranscript)
        throws(PropertyViolation)
    {
        try require(
            other == whole, "H83: the same at every split", "\(other)\n  whole: \(whole)")
        try RequestProperties.requirePrefix(whole.partial.value, other.partial.value)
    }

    /// Without limits, the grammar alone decides: exactly what the reference accepts is accepted,
    /// with the same data and the same end.
    private static func compareWithReference(_ bytes: [UInt8], _ found: ChunkTranscript)
        throws(PropertyViolation)
    {
        let expected = ReferenceChunks.read(bytes)
        switch (found.outcome, expected) {
        case (.complete(let data), .complete(let reference)):
            try require(
                data == reference.data, "data are those of the reference",
                "\(data) and \(reference.data)")
            try require(
                found.end.value == reference.end, "a body ends where it ends for the reference",
                "\(found.end.value) and \(reference.end)")
        case (.refused, .refused): break
        case (.incomplete, .incomplete(let data)):
            try RequestProperties.requirePrefix(found.partial.value, data)
        case (.refused, .incomplete):
            // Refused early: then no bytes may help.
            for more in ["\r\n", "\n", "0\r\n\r\n", "a\"\r\n\r\n", "\r\n0\r\n\r\n", ": a\r\n\r\n"] {
                if case .complete = ReferenceChunks.read(bytes + Array(more.utf8)) {
                    throw PropertyViolation(
                        property: "only what cannot become a body is refused early", detail: more)
                }
            }
        default:
            throw PropertyViolation(
                property: "the reference accepts and refuses the same",
                detail: "\(found), reference: \(expected)")
        }
    }

    /// Limits only ever turn an answer into a refusal, and only where one of them is reached.
    private static func compareLimits(
        _ bytes: [UInt8], _ free: ChunkTranscript, _ bound: ChunkTranscript
    ) throws(PropertyViolation) {
        let limits = HTTPLimits.tight
        if case .refused = bound.outcome {} else {
            try require(bound == free, "limits change no data", "\(bound) and \(free)")
        }
        guard case .complete(let body) = ReferenceChunks.read(bytes) else { return }
        let isWithin =
            body.data.count <= limits.bodyMax && body.extensionMax <= limits.chunkExtensionMax
            && body.extensionSum <= limits.chunkExtensionsMax
            && body.trailerBytes <= limits.trailersMax && body.trailerCount <= limits.fieldsMax
            && body.trailerLineMax <= limits.fieldLineMax
        switch bound.outcome {
        case .complete:
            try require(isWithin, "H72, H76, H78: every limit is kept", "\(body)")
        case .refused(let error):
            let isFlood = body.framing > limits.chunkOverheadMax
            // The last line of trailers may be judged with its CRLF or without.
            let isNear = body.trailerBytes + 2 > limits.trailersMax
            try require(
                !isWithin || isFlood || isNear, "nothing is refused within the limits",
                "\(error): \(body)")
        case .incomplete:
            throw PropertyViolation(property: "limits do not make a body longer", detail: "\(body)")
        }
    }

    /// What the writer chunks, the decoder gives back.
    private static func encodeAndDecode(_ bytes: [UInt8]) throws(PropertyViolation) {
        var coded: [UInt8] = []
        for piece in Splits.derived(bytes) { coded += ResponseWriter.chunk(Array(piece)) }
        coded += ResponseWriter.lastChunk
        let found = try ChunkTranscript.inRequest(Splits.derived(coded), .standard)
        try require(
            found.outcome == .complete(bytes), "what was chunked is decoded to the same",
            "\(found)")
    }
}
