import Glibc

/// Finds the parts of field lines in place, and puts their names into lower case.
struct FieldLineReader {
    enum Failure {
        case whitespace, noColon, notToken, imitation

        var error: ParseError {
            switch self {
            case .whitespace:
                // Also whitespace before the first field (H4): either would hide a field from a peer.
                .malformed("A header line begins with whitespace (obsolete line folding).")
            case .noColon: .malformed("A header line has no colon.")
            // Whitespace before the colon ends here too (RFC 9112 §5.1, H29).
            case .notToken: .malformed("A header field name is not a token.")
            case .imitation: .malformed("A header field imitates message framing.")
            }
        }
    }

    var lines: [HeadBuffer.Line] = []
    private(set) var present: UInt16 = 0
    private(set) var repeated: UInt16 = 0
    private(set) var dropped = 0
    private var position: Int
    private let keepsUnderscores: Bool

    init(position: Int, keepsUnderscores: Bool) {
        self.position = position
        self.keepsUnderscores = keepsUnderscores
    }

    /// All lines from the position on; each ends with CRLF.
    mutating func read(_ bytes: UnsafeMutableBufferPointer<UInt8>) -> Failure? {
        while position < bytes.count {
            if let failure = readLine(bytes) { return failure }
        }
        return nil
    }

    private mutating func readLine(_ bytes: UnsafeMutableBufferPointer<UInt8>) -> Failure? {
        let start = position
        var index = start
        var underscores = 0
        while index < bytes.count {
            let byte = bytes[index]
            guard Character8.isToken(byte) else { break }
            if byte == Character8.underscore { underscores += 1 }
            bytes[index] = Character8.lowercased(byte)
            index += 1
        }
        let colon = index
        guard colon < bytes.count, bytes[colon] == Character8.colon, colon > start else {
            return Self.failure(bytes, from: start)
        }
        index += 1
        while index < bytes.count, Character8.isWhitespace(bytes[index]) { index += 1 }
        let value = index
        index = Self.lineEnd(bytes, from: index)
        position = index + 2
        while index > value, Character8.isWhitespace(bytes[index - 1]) { index -= 1 }
        let name = UnsafeBufferPointer(rebasing: bytes[start..<colon])
        if underscores > 0 {
            if KnownField.isImitation(name) { return .imitation }
            guard keepsUnderscores else {
                dropped += 1
                return nil
            }
        }
        note(KnownField(name), name: start..<colon, value: value..<index)
        return nil
    }

    /// The CR that ends the line; a section is made of whole lines, so there is one.
    private static func lineEnd(_ bytes: UnsafeMutableBufferPointer<UInt8>, from start: Int) -> Int {
        guard start < bytes.count, let base = bytes.baseAddress,
            let found = memchr(base + start, Int32(Character8.cr), bytes.count - start)
        else { return bytes.count }
        return base.distance(to: found.assumingMemoryBound(to: UInt8.self))
    }

    private mutating func note(_ known: KnownField, name: Range<Int>, value: Range<Int>) {
        if known != .other {
            if present & known.bit != 0 { repeated |= known.bit }
            present |= known.bit
        }
        lines.append(
            HeadBuffer.Line(
                name: Int32(truncatingIfNeeded: name.lowerBound)
                    ..< Int32(truncatingIfNeeded: name.upperBound),
                value: Int32(truncatingIfNeeded: value.lowerBound)
                    ..< Int32(truncatingIfNeeded: value.upperBound), known: known))
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

    var bit: UInt16 { 1 << UInt16(rawValue) }

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
