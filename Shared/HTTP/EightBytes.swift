/// Eight bytes in one number, so that one operation looks at all of them. The first is the lowest.
///
/// A mask has the highest bit of a byte set where the byte is in question, and no other bit.
struct EightBytes {
    private let word: UInt64

    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highest: UInt64 = ones << 7
    private static let low7: UInt64 = ones &* 0x7f

    /// Eight bytes from `index` on; the caller has seen that there are so many.
    init(_ bytes: UnsafeRawPointer, at index: Int) {
        word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    /// The bytes below 0x20 or equal to 0x7F, up to the first of them: those behind may be misjudged.
    ///
    /// Subtracting borrows into a byte's highest bit when the byte is smaller; bytes from 0x80 on have
    /// that bit already and are left out.
    var controls: UInt64 {
        let below = word &- Self.ones &* 0x20
        let delete = (word ^ Self.low7) &- Self.ones
        return (below | delete) & ~word & Self.highest
    }

    /// Puts the letters and hyphens that the bytes begin with into lower case, and says how many they
    /// are. Nearly every field name is made of nothing else.
    func lowercasedName(into bytes: UnsafeMutableRawPointer, at index: Int) -> Int {
        let letters = self.letters
        let stops = ~(letters | hyphens) & Self.highest
        // Not those behind the first other byte: they may be part of a value.
        let own = letters & (stops &- 1) & ~stops
        // The highest bit moved to the one that tells small letters from capitals.
        bytes.storeBytes(of: (word | own &>> 2).littleEndian, toByteOffset: index, as: UInt64.self)
        return Self.first(stops)
    }

    private var letters: UInt64 {
        let small = (word | Self.ones &* 0x20) & Self.low7
        let fromA = small &+ Self.ones &* (0x80 - 0x61)
        let behindZ = small &+ Self.ones &* (0x80 - 0x7b)
        return fromA & ~behindZ & ~word & Self.highest
    }

    private var hyphens: UInt64 {
        let other = word ^ (Self.ones &* 0x2d)
        return ~((other & Self.low7 &+ Self.low7) | other) & Self.highest
    }

    /// The number of bytes before the first one in a mask.
    static func first(_ mask: UInt64) -> Int { mask.trailingZeroBitCount &>> 3 }
}

/// Where a line ends, or what no line may hold.
enum ControlSearch {
    /// The first control character other than HTAB from `start` on, or `bound`, which is not behind
    /// the end of `bytes`.
    @inline(__always)
    static func first(_ bytes: UnsafeRawBufferPointer, from start: Int, bound: Int) -> Int {
        guard let base = bytes.baseAddress else { return bound }
        var index = start
        while index &+ 16 <= bound {
            let low = EightBytes(base, at: index).controls
            let high = EightBytes(base, at: index &+ 8).controls
            if low | high == 0 {
                index &+= 16
                continue
            }
            index &+= low != 0 ? EightBytes.first(low) : 8 &+ EightBytes.first(high)
            guard bytes[index] == Character8.htab else { return index }
            index &+= 1
        }
        while index < bound, !Character8.isControl(bytes[index]) { index &+= 1 }
        return index
    }
}
