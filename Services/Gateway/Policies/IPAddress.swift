import Glibc

/// A numeric IPv4 or IPv6 address as bits, for comparing and grouping.
struct IPAddress: Sendable, Hashable {
    /// IPv4 is kept in its mapped form (::ffff:a.b.c.d), so one peer has one value.
    let high: UInt64
    let low: UInt64

    private static let mappedPrefix: UInt64 = 0xffff

    /// Nil for anything else than the plain text of an address.
    init?(_ text: some StringProtocol) {
        // Checked here, because C stops reading at a NUL.
        guard text.utf8.count <= 45, text.utf8.allSatisfy(Self.isAllowed) else { return nil }
        let text = String(text)
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            high = 0
            low = Self.mappedPrefix << 32 | UInt64(UInt32(bigEndian: four.s_addr))
            return
        }
        var six = in6_addr()
        guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        (high, low) = withUnsafeBytes(of: &six) { bytes in
            (
                bytes[0..<8].reduce(0) { $0 << 8 | UInt64($1) },
                bytes[8..<16].reduce(0) { $0 << 8 | UInt64($1) }
            )
        }
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: ":"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    /// True for IPv4.
    var isMapped: Bool { high == 0 && low >> 32 == Self.mappedPrefix }

    /// What one client counts as: an IPv4 address, or the /64 of an IPv6 address, since one
    /// household has all of it (RL-4).
    var group: String {
        if isMapped { return text }
        let words = (0..<4).map { String(high >> (48 - 16 * UInt64($0)) & 0xffff, radix: 16) }
        return words.joined(separator: ":") + "::/64"
    }

    /// Without the shortening of zeros in IPv6: for keys and headers, not for people.
    var text: String {
        if isMapped {
            return (0..<4).map { String(low >> (24 - 8 * UInt64($0)) & 0xff) }.joined(separator: ".")
        }
        return [high, low].flatMap { half in
            (0..<4).map { String(half >> (48 - 16 * UInt64($0)) & 0xffff, radix: 16) }
        }.joined(separator: ":")
    }
}

/// A block of addresses such as `10.0.0.0/8` or `fd00::/8`; without a length one address.
struct AddressRange: Sendable, Hashable {
    let text: String
    private let base: IPAddress
    private let bits: Int

    /// Nil for other texts, and for an address with bits beyond its length: a slip of the pen.
    init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let base = IPAddress(first) else { return nil }
        let width = base.isMapped ? 32 : 128
        var length = width
        if parts.count == 2 {
            guard let given = Int(parts[1]), (0...width).contains(given) else { return nil }
            length = given
        }
        self.text = text
        self.base = base
        bits = length + 128 - width
        let masked = Self.masked(base, bits)
        guard masked.high == base.high, masked.low == base.low else { return nil }
    }

    func contains(_ address: IPAddress) -> Bool {
        address.isMapped == base.isMapped
            && Self.masked(address, bits) == Self.masked(base, bits)
    }

    private static func masked(_ address: IPAddress, _ bits: Int) -> (high: UInt64, low: UInt64) {
        func mask(_ bits: Int) -> UInt64 { bits <= 0 ? 0 : bits >= 64 ? .max : ~(.max >> UInt64(bits)) }
        return (address.high & mask(bits), address.low & mask(bits - 64))
    }
}
