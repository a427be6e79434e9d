/// Collects the field lines of a head or of trailers under the limits (RFC 9112 §5).
struct FieldSection: Sendable {
    private(set) var headers = Headers()
    /// Lines dropped because their name holds an underscore (H37, PX-2).
    private(set) var dropped = 0
    private var size = 0
    private var count = 0
    private let sizeMax: Int
    private let lineMax: Int
    private let countMax: Int

    init(limits: HTTPLimits, sizeMax: Int) {
        self.sizeMax = sizeMax
        lineMax = limits.fieldLineMax
        countMax = limits.fieldsMax
    }

    /// Reads lines until the empty one. True when the section is complete, false for more input.
    mutating func read(from input: inout InputBuffer) throws(ParseError) -> Bool {
        while true {
            let line: Range<Int>?
            do throws(InputBuffer.LineError) {
                line = try input.takeLine(limit: min(lineMax, max(0, sizeMax - size)))
            } catch {
                throw error.parseError(
                    tooLong: .fieldsTooLarge("A header field or the section is too large."))
            }
            guard let line else { return false }
            if line.isEmpty { return true }
            size += line.count + 2
            count += 1
            guard count <= countMax else {
                throw .fieldsTooLarge("More than \(countMax) header fields.")
            }
            try add(input.bytes[line])
        }
    }

    private mutating func add(_ line: ArraySlice<UInt8>) throws(ParseError) {
        guard let first = line.first, !Character8.isWhitespace(first) else {
            // Also whitespace before the first field (H4): either would hide a field from a peer.
            throw .malformed("A header line begins with whitespace (obsolete line folding).")
        }
        guard let colon = line.firstIndex(of: Character8.colon) else {
            throw .malformed("A header line has no colon.")
        }
        let name = line[..<colon]
        guard !name.isEmpty, name.allSatisfy(Character8.isToken) else {
            // Whitespace before the colon ends here too (RFC 9112 §5.1, H29).
            throw .malformed("A header field name is not a token.")
        }
        var value = line[(colon + 1)...]
        while let byte = value.first, Character8.isWhitespace(byte) { value.removeFirst() }
        while let byte = value.last, Character8.isWhitespace(byte) { value.removeLast() }
        let lowered = String(decoding: name.map(Character8.lowercased), as: UTF8.self)
        if name.contains(Character8.underscore) {
            guard lowered != "content_length", lowered != "transfer_encoding" else {
                throw .malformed("A header field imitates message framing.")
            }
            dropped += 1
            return
        }
        headers.add(lowered, Self.text(value))
    }

    /// One scalar per byte, so that obs-text survives (H34).
    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        if bytes.allSatisfy({ $0 < 0x80 }) { return String(decoding: bytes, as: UTF8.self) }
        var text = String.UnicodeScalarView()
        for byte in bytes { text.append(Unicode.Scalar(byte)) }
        return String(text)
    }
}
