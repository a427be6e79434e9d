/// A place in a distributed trace, as `traceparent` carries it (W3C Trace Context).
package struct TracePosition: Sendable, Hashable {
    package let traceHigh: UInt64
    package let traceLow: UInt64
    package let spanID: UInt64
    package let flags: UInt8

    package init(traceHigh: UInt64, traceLow: UInt64, spanID: UInt64, flags: UInt8) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.spanID = spanID
        self.flags = flags
    }

    /// From `00-<32 hex>-<16 hex>-<2 hex>`; nil for anything else.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0].count == 2, parts[1].count == 32, parts[2].count == 16,
            parts[3].count == 2, let high = Self.number(parts[1].prefix(16)),
            let low = Self.number(parts[1].dropFirst(16)), let span = Self.number(parts[2]),
            let flags = Self.number(parts[3])
        else { return nil }
        self.init(
            traceHigh: high, traceLow: low, spanID: span, flags: UInt8(truncatingIfNeeded: flags))
    }

    /// The header value, always version 00.
    package var text: String {
        String(unsafeUninitializedCapacity: 55) { bytes in
            bytes[0] = UInt8(ascii: "0")
            bytes[1] = UInt8(ascii: "0")
            bytes[2] = Self.dash
            Self.write(traceHigh, digits: 16, to: bytes, at: 3)
            Self.write(traceLow, digits: 16, to: bytes, at: 19)
            bytes[35] = Self.dash
            Self.write(spanID, digits: 16, to: bytes, at: 36)
            bytes[52] = Self.dash
            Self.write(UInt64(flags), digits: 2, to: bytes, at: 53)
            return 55
        }
    }

    /// 32 lower-case hex digits.
    package var traceID: String {
        String(unsafeUninitializedCapacity: 32) { bytes in
            Self.write(traceHigh, digits: 16, to: bytes, at: 0)
            Self.write(traceLow, digits: 16, to: bytes, at: 16)
            return 32
        }
    }

    private static let dash = UInt8(ascii: "-")

    private static func write(
        _ number: UInt64, digits: Int, to bytes: UnsafeMutableBufferPointer<UInt8>, at start: Int
    ) {
        for index in 0..<digits {
            let nibble = UInt8(truncatingIfNeeded: number >> UInt64(4 * (digits - 1 - index))) & 0xf
            bytes[start + index] = nibble < 10 ? 0x30 + nibble : 0x57 + nibble
        }
    }

    private static func number(_ digits: some Sequence<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for byte in digits {
            guard let nibble = Character8.hexValue(byte) else { return nil }
            value = value << 4 | UInt64(nibble)
        }
        return value
    }
}
