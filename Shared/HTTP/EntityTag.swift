/// What tells two versions of a resource apart (RFC 9110 §8.8.3): `"abc"`, or weak: `W/"abc"`.
package struct EntityTag: Sendable, Hashable {
    /// What stands between the quotes.
    package let opaque: String
    /// Equal tags mean the same content, though not the same bytes.
    package let isWeak: Bool

    /// Nil for text that cannot stand between the quotes.
    package init?(_ opaque: String, isWeak: Bool = false) {
        guard opaque.utf8.allSatisfy(Self.isTagCharacter) else { return nil }
        self.opaque = opaque
        self.isWeak = isWeak
    }

    /// The strong tag of content that lies in the program: FNV-1a tells its releases apart, and
    /// nobody gains by finding two contents of one tag.
    package init(fingerprintOf content: [UInt8]) {
        let hash = content.reduce(UInt64(0xcbf2_9ce4_8422_2325)) {
            ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3
        }
        opaque = String(hash, radix: 16)
        isWeak = false
    }

    /// As it stands in the field.
    package var text: String { (isWeak ? "W/" : "") + "\"\(opaque)\"" }

    /// The comparison of `If-None-Match` (RFC 9110 §8.8.3.2).
    package func weaklyMatches(_ other: EntityTag) -> Bool { opaque == other.opaque }

    /// The comparison of `If-Match`.
    package func stronglyMatches(_ other: EntityTag) -> Bool {
        !isWeak && !other.isWeak && opaque == other.opaque
    }

    /// `%x21 / %x23-7E / obs-text`; obs-text is one scalar up to U+00FF here, so any byte above 7F.
    private static func isTagCharacter(_ byte: UInt8) -> Bool {
        byte == 0x21 || (0x23...0x7e).contains(byte) || byte >= 0x80
    }

    fileprivate init?(_ scanner: inout Scanner) {
        isWeak = scanner.take(UInt8(ascii: "W"))
        if isWeak, !scanner.take(Character8.slash) { return nil }
        guard scanner.take(Character8.quote) else { return nil }
        opaque = scanner.run(while: Self.isTagCharacter) ?? ""
        guard scanner.take(Character8.quote) else { return nil }
    }
}

/// The value of `If-Match` or `If-None-Match`: `*`, or a list of tags.
enum EntityTagList: Equatable {
    case any
    case tags([EntityTag])

    /// Nil for anything else.
    init?(_ lines: [String]) {
        // Several lines are one list (RFC 9110 §5.3).
        let text = lines.joined(separator: ",")
        if text == "*" {
            self = .any
            return
        }
        var scanner = Scanner(text)
        var tags: [EntityTag] = []
        while true {
            scanner.skipWhitespace()
            // Empty members are allowed in a list (RFC 9110 §5.6.1.2).
            while scanner.take(Character8.comma) { scanner.skipWhitespace() }
            if scanner.isAtEnd { break }
            guard let tag = EntityTag(&scanner) else { return nil }
            tags.append(tag)
            scanner.skipWhitespace()
            guard scanner.isAtEnd || scanner.take(Character8.comma) else { return nil }
        }
        guard !tags.isEmpty else { return nil }
        self = .tags(tags)
    }
}
