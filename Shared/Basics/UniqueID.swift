/// A 128-bit identifier in the text form of RFC 9562 (lower case, 8-4-4-4-12).
///
/// Ids we make are version 7: their first 48 bits are milliseconds since 1970, so they sort by
/// creation and always fall into the same day partition of `inbox` and `outbox` (D4).
package struct UniqueID: Sendable, Hashable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Parses the canonical text form; any other shape gives nil. Upper-case digits are accepted.
    package init?(_ text: some StringProtocol) {
        var high: UInt64 = 0
        var low: UInt64 = 0
        var digits = 0
        var position = 0
        for byte in text.utf8 {
            if position == 8 || position == 13 || position == 18 || position == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
            } else {
                guard digits < 32, let nibble = Self.nibble(byte) else { return nil }
                if digits < 16 { high = high << 4 | nibble } else { low = low << 4 | nibble }
                digits += 1
            }
            position += 1
        }
        guard position == 36, digits == 32 else { return nil }
        self.init(high: high, low: low)
    }

    private static func nibble(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    /// The version number in the id's text (7 for ids made here, 8 for ids derived from a hash).
    package var version: Int { Int(high >> 12 & 0xf) }

    /// Milliseconds since 1970; meaningful for version 7 only.
    package var milliseconds: Int64 { Int64(high >> 16) }

    /// The 16 bytes in network order.
    package var bytes: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: high >> (56 - 8 * UInt64($0))) }
            + (0..<8).map { UInt8(truncatingIfNeeded: low >> (56 - 8 * UInt64($0))) }
    }
}

extension UniqueID {
    /// Version 7 (RFC 9562 §5.7) for a given instant, with 74 random bits.
    package static func v7(milliseconds: Int64, random: RandomSource) -> UniqueID {
        let time = UInt64(truncatingIfNeeded: milliseconds) & 0xffff_ffff_ffff
        let high = time << 16 | 0x7000 | random.next() & 0x0fff
        let low = 0x8000_0000_0000_0000 | random.next() >> 2
        return UniqueID(high: high, low: low)
    }

    /// Version 7 for the present instant.
    package static func v7(using random: RandomSource = .system) -> UniqueID {
        v7(milliseconds: WallTime.now().milliseconds, random: random)
    }

    /// Version 8 (RFC 9562 §5.8) from the first 16 bytes of a hash: the same input gives the same
    /// id, so a record without a readable id is parked once however often it is redelivered.
    package static func v8(hash: [UInt8]) -> UniqueID {
        var words: (UInt64, UInt64) = (0, 0)
        for index in 0..<8 { words.0 = words.0 << 8 | UInt64(index < hash.count ? hash[index] : 0) }
        for index in 8..<16 { words.1 = words.1 << 8 | UInt64(index < hash.count ? hash[index] : 0) }
        return UniqueID(
            high: words.0 & ~0xf000 | 0x8000,
            low: words.1 & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000)
    }
}

extension UniqueID: Comparable {
    package static func < (left: UniqueID, right: UniqueID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

extension UniqueID: CustomStringConvertible {
    package var description: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            let text = UnsafeMutableRawBufferPointer(buffer)
            // Groups of 8, 4, 4, 4 and 12 digits: each write of eight may overlap the next group, which
            // is written after it; the dashes come last.
            HexText.store(HexText.digits(UInt32(truncatingIfNeeded: high >> 32)), to: text, at: 0)
            let middle = HexText.digits(UInt32(truncatingIfNeeded: high))
            HexText.store(middle, to: text, at: 9)
            HexText.store(middle << 32, to: text, at: 14)
            let end = HexText.digits(UInt32(truncatingIfNeeded: low >> 32))
            HexText.store(end, to: text, at: 19)
            HexText.store(end << 32, to: text, at: 24)
            HexText.store(HexText.digits(UInt32(truncatingIfNeeded: low)), to: text, at: 28)
            for dash in [8, 13, 18, 23] { text[dash] = UInt8(ascii: "-") }
            return 36
        }
    }
}

extension UniqueID: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let id = UniqueID(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "not a UUID: expected 8-4-4-4-12 hex digits")
        }
        self = id
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
