/// The one form of a path that is used for routing, for authorisation and for forwarding (PX-3).
///
/// Percent-encodings are decoded once, repeated slashes merged, dot segments resolved once.
/// Whatever a second reader could take for another path is refused: encoded slashes, backslashes,
/// controls and dot segments, invalid UTF-8, and leaving the root.
package struct CanonicalPath: Sendable, Hashable {
    /// Begins with `/`; a segment never contains a slash.
    package let decoded: String

    /// The path for a request line: everything outside RFC 3986's `pchar` percent-encoded.
    package var encoded: String { Self.encode(decoded) }

    package init(_ raw: some StringProtocol) throws(ParseError) {
        try self.init(bytes: Array(raw.utf8)[...])
    }

    init(bytes: ArraySlice<UInt8>) throws(ParseError) {
        guard bytes.first == Character8.slash else {
            throw .malformed("A path begins with a slash.")
        }
        var segments: [[UInt8]] = []
        let rawSegments = bytes.dropFirst().split(
            separator: Character8.slash, omittingEmptySubsequences: false)
        var endsWithSlash = false
        for segment in rawSegments {
            endsWithSlash = false
            if segment.isEmpty || segment.elementsEqual([Character8.dot]) {
                endsWithSlash = true
            } else if Self.isParent(segment) {
                guard segments.popLast() != nil else {
                    throw .malformed("The path leaves the root.")
                }
                endsWithSlash = true
            } else {
                segments.append(try Self.decode(segment))
            }
        }
        var text = segments.reduce(into: [UInt8]()) { $0 += [Character8.slash] + $1 }
        if endsWithSlash || text.isEmpty { text.append(Character8.slash) }
        guard let decoded = String(validating: text, as: UTF8.self) else {
            throw .malformed("The path is not UTF-8.")
        }
        self.decoded = decoded
    }

    /// Nothing to decode, to merge or to resolve: true for nearly every request.
    static func isCanonical(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        guard !range.isEmpty, bytes[range.lowerBound] == Character8.slash else { return false }
        var followsSlash = false
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = bytes[index]
            index += 1
            if byte == Character8.slash {
                if followsSlash { return false }
                followsSlash = true
            } else {
                guard Character8.isPathCharacter(byte), byte != Character8.dot || !followsSlash
                else { return false }
                followsSlash = false
            }
        }
        return true
    }

    private static func isParent(_ segment: ArraySlice<UInt8>) -> Bool {
        segment.elementsEqual([Character8.dot, Character8.dot])
    }

    private static func decode(_ segment: ArraySlice<UInt8>) throws(ParseError) -> [UInt8] {
        let decoded = try PercentCoding.decode(segment)
        for byte in decoded where byte == Character8.slash || byte == Character8.backslash {
            throw .malformed("The path holds an encoded slash or a backslash.")
        }
        // Plain dot segments were resolved before; what is one now was encoded.
        guard decoded != [Character8.dot], !isParent(decoded[...]) else {
            throw .malformed("The path holds an encoded dot segment.")
        }
        return decoded
    }

    /// The canonical text of a decoded path.
    package static func encode(_ decoded: String) -> String {
        PercentCoding.encode(decoded) { Character8.isPathCharacter($0) || $0 == Character8.slash }
    }

    /// One segment for use inside a path: a slash is encoded too.
    package static func encodeSegment(_ text: String) -> String {
        PercentCoding.encode(text, keeping: Character8.isPathCharacter)
    }
}

/// Percent-encoding (RFC 3986 §2.1).
enum PercentCoding {
    /// Decodes once. Refuses a broken triplet and any control character, encoded or not (H22, H23).
    static func decode(_ text: some Sequence<UInt8>, plusIsSpace: Bool = false)
        throws(ParseError) -> [UInt8]
    {
        var result: [UInt8] = []
        var iterator = text.makeIterator()
        while var byte = iterator.next() {
            if byte == Character8.percent {
                guard let high = iterator.next().flatMap(Character8.hexValue),
                    let low = iterator.next().flatMap(Character8.hexValue)
                else { throw .malformed("A percent sign is not followed by two hex digits.") }
                byte = high << 4 | low
            } else if plusIsSpace, byte == UInt8(ascii: "+") {
                byte = Character8.space
            }
            guard byte >= 0x20, byte != 0x7f else {
                throw .malformed("The target holds a control character.")
            }
            result.append(byte)
        }
        return result
    }

    static func encode(_ text: String, keeping isPlain: (UInt8) -> Bool) -> String {
        if text.utf8.allSatisfy(isPlain) { return text }
        let digits = Array("0123456789ABCDEF".utf8)
        var result: [UInt8] = []
        for byte in text.utf8 {
            if isPlain(byte) {
                result.append(byte)
            } else {
                result += [Character8.percent, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

/// The query of a target as a list: order and repetitions are kept.
package enum QueryString {
    /// Splits at `&` and the first `=`; `+` is a blank, as HTML forms write it.
    package static func parse(_ raw: some StringProtocol) throws(ParseError)
        -> [(name: String, value: String)]
    {
        try parse(bytes: Array(raw.utf8)[...])
    }

    static func parse(bytes: ArraySlice<UInt8>) throws(ParseError)
        -> [(name: String, value: String)]
    {
        var items: [(name: String, value: String)] = []
        for pair in bytes.split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(
                separator: Character8.equals, maxSplits: 1, omittingEmptySubsequences: false)
            let name = try decode(parts[0])
            let value = parts.count > 1 ? try decode(parts[1]) : ""
            items.append((name, value))
        }
        return items
    }

    /// `a=1&b=2` with everything but unreserved characters encoded.
    package static func text(_ items: [(name: String, value: String)]) -> String {
        items.map { item in
            PercentCoding.encode(item.name, keeping: Character8.isUnreserved) + "="
                + PercentCoding.encode(item.value, keeping: Character8.isUnreserved)
        }.joined(separator: "&")
    }

    private static func decode(_ part: some Sequence<UInt8>) throws(ParseError) -> String {
        let bytes = try PercentCoding.decode(part, plusIsSpace: true)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .malformed("The query is not UTF-8.")
        }
        return text
    }
}
