/// Tests of eight characters at once, for the texts that go through the server with every message.
enum CharacterWord {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    /// Bit 7 of each byte, where the tests leave their answers.
    private static let marks: UInt64 = 0x8080_8080_8080_8080

    /// Visible ASCII and spaces: nearly every value of a field.
    static func isPlain(_ bytes: Span<UInt8>) -> Bool {
        all(bytes) { isASCII($0) && within($0, 0x20, 0x7e) == marks }
    }

    /// Lower-case letters, digits and hyphens: nearly every name of a field.
    static func isPlainName(_ bytes: Span<UInt8>) -> Bool {
        all(bytes) { word in
            let hyphen = UInt8(ascii: "-")
            let letters = within(word, UInt8(ascii: "a"), UInt8(ascii: "z"))
            let digits = within(word, UInt8(ascii: "0"), UInt8(ascii: "9"))
            return isASCII(word) && letters | digits | within(word, hyphen, hyphen) == marks
        }
    }

    /// The test for each word of neighbours. The last one overlaps its predecessor; a short text is tested
    /// byte by byte, each as a word of its own.
    @inline(__always)
    private static func all(_ text: Span<UInt8>, _ passes: (UInt64) -> Bool) -> Bool {
        let bytes = text.bytes
        let last = bytes.byteCount - 8
        guard last >= 0 else {
            for index in text.indices where !passes(UInt64(text[index]) &* ones) { return false }
            return true
        }
        var offset = 0
        while offset < last {
            guard passes(bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)) else {
                return false
            }
            offset += 8
        }
        return passes(bytes.unsafeLoadUnaligned(fromByteOffset: last, as: UInt64.self))
    }

    private static func isASCII(_ word: UInt64) -> Bool { word & marks == 0 }

    /// Marks the bytes of `low...high`; for words of ASCII, where no sum reaches the next byte.
    private static func within(_ word: UInt64, _ low: UInt8, _ high: UInt8) -> UInt64 {
        (word &+ ones &* UInt64(0x80 - low)) & ~(word &+ ones &* UInt64(0x7f - high)) & marks
    }
}
