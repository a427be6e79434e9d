/// The hash that Java's Kafka clients place keys with, so that every client agrees on the partition
/// of an order (D7). The multiplications wrap, as they do in Java.
package enum Murmur2 {
    private static let seed: UInt32 = 0x9747_b28c
    private static let multiplier: UInt32 = 0x5bd1_e995
    private static let rotation: UInt32 = 24

    /// The 32-bit hash of the bytes, signed as Java shows it.
    package static func hash(_ bytes: [UInt8]) -> Int32 {
        var hash = seed ^ UInt32(truncatingIfNeeded: bytes.count)
        var index = 0
        while index + 4 <= bytes.count {
            var word =
                UInt32(bytes[index])
                | UInt32(bytes[index + 1]) << 8
                | UInt32(bytes[index + 2]) << 16
                | UInt32(bytes[index + 3]) << 24
            word &*= multiplier
            word ^= word >> rotation
            word &*= multiplier
            hash &*= multiplier
            hash ^= word
            index += 4
        }
        if index < bytes.count {
            for (place, byte) in bytes[index...].enumerated() {
                hash ^= UInt32(byte) << UInt32(8 * place)
            }
            hash &*= multiplier
        }
        hash ^= hash >> 13
        hash &*= multiplier
        hash ^= hash >> 15
        return Int32(bitPattern: hash)
    }

    /// The partition of a key among `count` partitions; the sign bit is cleared as Java's
    /// `toPositive` does. `count` is at least 1.
    package static func partition(key: [UInt8], count: Int32) -> Int32 {
        precondition(count > 0, "a topic has at least one partition")
        return (hash(key) & 0x7fff_ffff) % count
    }
}
