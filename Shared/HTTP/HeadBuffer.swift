/// The bytes of a message's head, and where their parts are: a request's target first, then the field
/// lines with their names in lower case. Text is made only when somebody asks for it.
///
/// A parser fills it, hands it out inside a head, and fills it again for the next message when
/// nobody has kept it; so a connection that answers one request after the other makes no memory.
// Reason: changed by its parser only, and only while no other reference exists (`isKnownUniquely…`).
final class HeadBuffer: @unchecked Sendable {
    /// One field line; positions in `bytes`.
    struct Line: Sendable {
        let name: Range<Int32>
        let value: Range<Int32>
        let known: KnownField
    }

    private(set) var bytes: [UInt8] = []
    private(set) var lines: [Line] = []
    /// The request target is `bytes[..<targetEnd]`.
    private(set) var targetEnd = 0
    private var present: UInt16 = 0
    private var repeated: UInt16 = 0

    init() {}

    func copy() -> HeadBuffer {
        let other = HeadBuffer()
        (other.bytes, other.lines, other.targetEnd) = (bytes, lines, targetEnd)
        (other.present, other.repeated) = (present, repeated)
        return other
    }

    func reset() {
        bytes.removeAll(keepingCapacity: true)
        lines.removeAll(keepingCapacity: true)
        targetEnd = 0
        present = 0
        repeated = 0
    }

    func setTarget(_ target: some Collection<UInt8>) {
        bytes.append(contentsOf: target)
        targetEnd = bytes.count
    }

    /// Adds a line without its CRLF. False when it was dropped for an underscore in its name, which
    /// some readers take for a hyphen (H37, PX-2). Those read requests; a proxy must pass on the
    /// fields of a response that it does not know (RFC 9110 §5.1).
    func add(_ line: ArraySlice<UInt8>, keepsUnderscores: Bool = false) throws(ParseError) -> Bool {
        let start = bytes.count
        bytes.append(contentsOf: line)
        let parts = bytes.withUnsafeMutableBufferPointer { LineParts($0, from: start) }
        guard parts.hasName else {
            defer { bytes.removeLast(bytes.count - start) }
            throw Self.malformed(bytes[start...])
        }
        if parts.hasUnderscore {
            let isImitation = KnownField.isImitation(bytes[start..<parts.colon])
            if isImitation || !keepsUnderscores {
                bytes.removeLast(bytes.count - start)
                guard !isImitation else {
                    throw .malformed("A header field imitates message framing.")
                }
                return false
            }
        }
        let known = KnownField(bytes[start..<parts.colon])
        if known != .other {
            if present & known.bit != 0 { repeated |= known.bit }
            present |= known.bit
        }
        lines.append(
            Line(
                name: Int32(start)..<Int32(parts.colon),
                value: Int32(parts.value.lowerBound)..<Int32(parts.value.upperBound), known: known))
        return true
    }

    private static func malformed(_ line: ArraySlice<UInt8>) -> ParseError {
        guard let first = line.first, !Character8.isWhitespace(first) else {
            // Also whitespace before the first field (H4): either would hide a field from a peer.
            return .malformed("A header line begins with whitespace (obsolete line folding).")
        }
        // Whitespace before the colon ends here too (RFC 9112 §5.1, H29).
        return .malformed(
            line.contains(Character8.colon)
                ? "A header field name is not a token." : "A header line has no colon.")
    }

    // MARK: Asking

    func has(_ known: KnownField) -> Bool { present & known.bit != 0 }

    func repeats(_ known: KnownField) -> Bool { repeated & known.bit != 0 }

    /// The first value of a field; nil without one.
    func value(of known: KnownField) -> ArraySlice<UInt8>? {
        guard has(known), let line = lines.first(where: { $0.known == known }) else { return nil }
        return slice(line.value)
    }

    func slice(_ range: Range<Int32>) -> ArraySlice<UInt8> {
        bytes[Int(range.lowerBound)..<Int(range.upperBound)]
    }

    /// Whether a line's name is `name`, in any case.
    func matches(_ line: Line, _ name: String) -> Bool {
        guard line.name.count == name.utf8.count else { return false }
        var index = Int(line.name.lowerBound)
        for byte in name.utf8 {
            guard bytes[index] == Character8.lowercased(byte) else { return false }
            index += 1
        }
        return true
    }

    /// One scalar per byte, so that obs-text survives (H34).
    func text(_ range: Range<Int32>) -> String { Self.text(slice(range)) }

    static func text(_ bytes: ArraySlice<UInt8>) -> String {
        if bytes.allSatisfy({ $0 < 0x80 }) { return String(decoding: bytes, as: UTF8.self) }
        var text = String.UnicodeScalarView()
        for byte in bytes { text.append(Unicode.Scalar(byte)) }
        return String(text)
    }
}

/// Where the parts of a field line are. Finding them puts the name into lower case.
private struct LineParts {
    let hasName: Bool
    let hasUnderscore: Bool
    let colon: Int
    let value: Range<Int>

    init(_ bytes: UnsafeMutableBufferPointer<UInt8>, from start: Int) {
        var colon = start
        var underscores = 0
        while colon < bytes.count {
            let byte = bytes[colon]
            guard Character8.isToken(byte) else { break }
            if byte == Character8.underscore { underscores += 1 }
            bytes[colon] = Character8.lowercased(byte)
            colon += 1
        }
        self.colon = colon
        hasUnderscore = underscores > 0
        hasName = colon > start && colon < bytes.count && bytes[colon] == Character8.colon
        guard hasName else {
            value = start..<start
            return
        }
        var first = colon + 1
        var end = bytes.count
        while first < end, Character8.isWhitespace(bytes[first]) { first += 1 }
        while first < end, Character8.isWhitespace(bytes[end - 1]) { end -= 1 }
        value = first..<end
    }
}

/// The fields that decide about a message itself; found once, while the line is read.
enum KnownField: UInt8, Sendable {
    case other, host, contentLength, transferEncoding, connection, expect
    case contentType, authorization, idempotencyKey, upgrade

    var bit: UInt16 { 1 << UInt16(rawValue) }

    /// From a name in lower case.
    init(_ name: ArraySlice<UInt8>) {
        switch name.count {
        case 4: self = Self.equal(name, "host") ? .host : .other
        case 6: self = Self.equal(name, "expect") ? .expect : .other
        case 7: self = Self.equal(name, "upgrade") ? .upgrade : .other
        case 10: self = Self.equal(name, "connection") ? .connection : .other
        case 12: self = Self.equal(name, "content-type") ? .contentType : .other
        case 13: self = Self.equal(name, "authorization") ? .authorization : .other
        case 14: self = Self.equal(name, "content-length") ? .contentLength : .other
        case 15: self = Self.equal(name, "idempotency-key") ? .idempotencyKey : .other
        case 17: self = Self.equal(name, "transfer-encoding") ? .transferEncoding : .other
        default: self = .other
        }
    }

    /// `content_length` and `transfer_encoding`: meant for a reader that takes `_` for `-` (H37).
    static func isImitation(_ name: ArraySlice<UInt8>) -> Bool {
        equal(name, "content_length") || equal(name, "transfer_encoding")
    }

    private static func equal(_ name: ArraySlice<UInt8>, _ text: StaticString) -> Bool {
        text.withUTF8Buffer { $0.elementsEqual(name) }
    }
}
