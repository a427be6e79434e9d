/// Byte classes of RFC 9110 §5.6 and RFC 3986 §2–3.
enum Character8 {
    static let htab = UInt8(ascii: "\t")
    static let lf: UInt8 = 0x0a
    static let cr: UInt8 = 0x0d
    static let space = UInt8(ascii: " ")
    static let colon = UInt8(ascii: ":")
    static let comma = UInt8(ascii: ",")
    static let semicolon = UInt8(ascii: ";")
    static let equals = UInt8(ascii: "=")
    static let quote = UInt8(ascii: "\"")
    static let backslash = UInt8(ascii: "\\")
    static let percent = UInt8(ascii: "%")
    static let slash = UInt8(ascii: "/")
    static let dot = UInt8(ascii: ".")
    static let underscore = UInt8(ascii: "_")
    static let question = UInt8(ascii: "?")

    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    static func isAlpha(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

    /// A character of a token: method, field name, coding (RFC 9110 §5.6.2).
    static func isToken(_ byte: UInt8) -> Bool { tokens.contains(byte) }

    private static let tokens =
        // Letters, digits and !#$%&'*+-.^_`|~
        ByteClass(low: 0x03ff_6cfa_0000_0000, high: 0x57ff_ffff_c7ff_fffe)

    static func isWhitespace(_ byte: UInt8) -> Bool { byte == space || byte == htab }

    /// Control characters that no line may hold; HTAB is judged by the grammar of the line.
    static func isControl(_ byte: UInt8) -> Bool { (byte < 0x20 && byte != htab) || byte == 0x7f }

    static func isUnreserved(_ byte: UInt8) -> Bool { unreserved.contains(byte) }

    private static let unreserved =
        // Letters, digits and -._~
        ByteClass(low: 0x03ff_6000_0000_0000, high: 0x47ff_fffe_87ff_fffe)

    /// A path character that needs no percent-encoding inside a segment (RFC 3986 §3.3).
    static func isPathCharacter(_ byte: UInt8) -> Bool { pathCharacters.contains(byte) }

    private static let pathCharacters =
        // Letters, digits and -._~!$&'()*+,;=:@
        ByteClass(low: 0x2fff_7fd2_0000_0000, high: 0x47ff_fffe_87ff_ffff)

    /// What a request target may hold: no space, control, non-ASCII, fragment, nor the delimiters
    /// that RFC 3986 leaves out (H16, H17).
    static func isTargetCharacter(_ byte: UInt8) -> Bool { targetCharacters.contains(byte) }

    private static let targetCharacters =
        // Letters, digits and -._~!$&'()*+,;=:@/?%[]
        ByteClass(low: 0xafff_fff2_0000_0000, high: 0x47ff_fffe_afff_ffff)

    static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }
}

/// A set of ASCII characters: one bit each, so that a test is a shift and no table in memory.
struct ByteClass: Sendable {
    private let low: UInt64
    private let high: UInt64

    /// Bit n of `low` is character n, of `high` character 64 + n. Written as numbers, so that the sets
    /// are constants of the program and no loop that runs before the first use.
    init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    func contains(_ byte: UInt8) -> Bool {
        guard byte < 0x80 else { return false }
        return (byte < 64 ? low : high) >> UInt64(byte & 63) & 1 != 0
    }
}

extension StringProtocol {
    /// Equality of ASCII letters in any case; everything else byte for byte.
    package func equalsIgnoringCase(_ other: some StringProtocol) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        for (left, right) in zip(utf8, other.utf8)
        where Character8.lowercased(left) != Character8.lowercased(right) {
            return false
        }
        return true
    }

    /// Without optional whitespace (SP and HTAB only, RFC 9110 §5.6.3) at either end.
    package var trimmingOptionalWhitespace: Substring {
        var view = Substring(self).unicodeScalars
        while let first = view.first, first == " " || first == "\t" { view.removeFirst() }
        while let last = view.last, last == " " || last == "\t" { view.removeLast() }
        return Substring(view)
    }
}
