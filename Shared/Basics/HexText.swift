/// Lower-case hexadecimal digits, eight at a time: identifiers are written for every request.
enum HexText {
    /// The digits of 32 bits, one in each byte, the first one in the highest.
    static func digits(_ bits: UInt32) -> UInt64 {
        // Each step halves the groups and moves them apart, until every byte holds one nibble.
        var nibbles = UInt64(bits)
        nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff
        nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff
        nibbles = (nibbles | nibbles << 4) & 0x0f0f_0f0f_0f0f_0f0f
        // Adding 6 carries into bit 4 for 10 and more, which are letters: 0x27 beyond the digits.
        let letters = (nibbles &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }

    /// Writes the 16 digits of `bits` at `start`; the caller's buffer has room for them.
    static func write(_ bits: UInt64, to text: UnsafeMutableRawBufferPointer, at start: Int) {
        store(digits(UInt32(truncatingIfNeeded: bits >> 32)), to: text, at: start)
        store(digits(UInt32(truncatingIfNeeded: bits)), to: text, at: start + 8)
    }

    /// Writes eight digits at `start`.
    static func store(_ digits: UInt64, to text: UnsafeMutableRawBufferPointer, at start: Int) {
        text.storeBytes(of: digits.bigEndian, toByteOffset: start, as: UInt64.self)
    }
}
