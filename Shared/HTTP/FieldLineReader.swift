/// Finds the parts of field lines in place, and puts their names into lower case.
struct FieldLineReader {
    enum Failure {
        case whitespace, noColon, notToken, imitation
        /// The bytes do not go on to a CRLF without another control character.
        case unfinished

        var error: ParseError {
            switch self {
            case .whitespace:
                // Also whitespace before the first field (H4): either would hide a field from a peer.
                .malformed("A header line begins with whitespace (obsolete line folding).")
            case .noColon: .malformed("A header line has no colon.")
            // Whitespace before the colon ends here too (RFC 9112 §5.1, H29).
            case .notToken: .malformed("A header field name is not a token.")
            case .imitation: .malformed("A header field imitates message framing.")
            case .unfinished: .malformed("A header line does not end with CRLF.")
            }
        }
    }

    var lines: [HeadBuffer.Line] = []
    private(set) var present: UInt16 = 0
    private(set) var repeated: UInt16 = 0
    /// The lengths of the names; see `HeadBuffer.mayHold`.
    private(set) var lengths: UInt64 = 0
    private(set) var dropped = 0
    private var position: Int
    /// What makes a position in the bytes that are read one in the head.
    private let shift: Int
    private let limits: FieldLimits

    init(position: Int, shift: Int = 0, _ limits: FieldLimits) {
        self.position = position
        self.shift = shift
        self.limits = limits
    }

    /// All lines from the position on; each ends with CRLF.
    mutating func read(_ bytes: UnsafeMutableBufferPointer<UInt8>) -> Failure? {
        while position < bytes.count {
            if let failure = readLine(bytes) { return failure }
        }
        return nil
    }

    /// All lines to the empty one; gives the position behind it. Nil when it is not there, or when
    /// anything is wrong before it.
    mutating func readSection(_ bytes: UnsafeMutableBufferPointer<UInt8>) -> Int? {
        let first = position
        var count = 0
        while position + 1 < bytes.count {
            if bytes[position] == Character8.cr {
                return bytes[position + 1] == Character8.lf ? position + 2 : nil
            }
            let start = position
            count += 1
            guard readLine(bytes) == nil, position - start <= limits.lineMax + 2,
                position - first <= limits.sizeMax, count <= limits.countMax
            else { return nil }
        }
        return nil
    }

    @inline(__always)
    private mutating func readLine(_ bytes: UnsafeMutableBufferPointer<UInt8>) -> Failure? {
        let start = position
        let (colon, hasUnderscore) = Self.lowercaseName(bytes, from: start)
        guard colon < bytes.count, bytes[colon] == Character8.colon, colon > start else {
            return Self.failure(bytes, from: start)
        }
        var value = colon &+ 1
        while value < bytes.count, Character8.isWhitespace(bytes[value]) { value &+= 1 }
        var end = ControlSearch.first(
            UnsafeRawBufferPointer(bytes), from: value, bound: bytes.count)
        guard end &+ 1 < bytes.count, bytes[end] == Character8.cr,
            bytes[end &+ 1] == Character8.lf
        else { return .unfinished }
        position = end &+ 2
        while end > value, Character8.isWhitespace(bytes[end &- 1]) { end &-= 1 }
        let name = UnsafeBufferPointer(rebasing: bytes[start..<colon])
        if hasUnderscore {
            if KnownField.isImitation(name) { return .imitation }
            guard limits.keepsUnderscores else {
                dropped += 1
                return nil
            }
        }
        note(KnownField(name), start, colon, value, end)
        return nil
    }

    /// Where the token ends that begins at `start`, and whether it holds an underscore; its letters
    /// become small ones.
    @inline(__always)
    private static func lowercaseName(
        _ bytes: UnsafeMutableBufferPointer<UInt8>, from start: Int
    ) -> (end: Int, hasUnderscore: Bool) {
        guard let base = bytes.baseAddress.map({ UnsafeMutableRawPointer($0) }) else {
            return (start, false)
        }
        var index = start
        var hasUnderscore = false
        while index < bytes.count {
            if index &+ 8 <= bytes.count {
                let count = EightBytes(base, at: index).lowercasedName(into: base, at: index)
                index &+= count
                if count == 8 { continue }
            }
            // The end, or a character that few names hold, or one of the last of the bytes.
            let byte = bytes[index]
            guard byte != Character8.colon, Character8.isToken(byte) else { break }
            if byte == Character8.underscore { hasUnderscore = true }
            bytes[index] = Character8.lowercased(byte)
            index &+= 1
        }
        return (index, hasUnderscore)
    }

    @inline(__always)
    private mutating func note(
        _ known: KnownField, _ start: Int, _ colon: Int, _ value: Int, _ end: Int
    ) {
        // That of all unknown ones means nothing, and is cheaper to set than to leave alone.
        let bit = known.bit
        repeated |= present & bit
        present |= bit
        lengths |= HeadBuffer.lengthBit(colon &- start)
        lines.append(
            HeadBuffer.Line(
                name: inHead(start, colon), value: inHead(value, end), known: known))
    }

    private func inHead(_ start: Int, _ end: Int) -> Range<Int32> {
        // The end is not before the start, and both move by the same.
        Range(
            uncheckedBounds: (
                Int32(truncatingIfNeeded: start &+ shift), Int32(truncatingIfNeeded: end &+ shift)
            ))
    }

    private static func failure(_ bytes: UnsafeMutableBufferPointer<UInt8>, from start: Int) -> Failure
    {
        guard !Character8.isWhitespace(bytes[start]) else { return .whitespace }
        var index = start
        while index < bytes.count, bytes[index] != Character8.cr {
            if bytes[index] == Character8.colon { return .notToken }
            index += 1
        }
        return .noColon
    }
}

/// The fields that decide about a message itself; found once, while the line is read.
enum KnownField: UInt8, Sendable {
    case other, host, contentLength, transferEncoding, connection, expect
    case contentType, authorization, idempotencyKey, upgrade

    var bit: UInt16 { 1 &<< UInt16(rawValue) }

    /// From a name in lower case.
    init(_ name: UnsafeBufferPointer<UInt8>) {
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
    static func isImitation(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        equal(name, "content_length") || equal(name, "transfer_encoding")
    }

    private static func equal(_ name: UnsafeBufferPointer<UInt8>, _ text: StaticString) -> Bool {
        guard name.count == text.utf8CodeUnitCount else { return false }
        for index in 0..<name.count where name[index] != text.utf8Start[index] { return false }
        return true
    }
}
