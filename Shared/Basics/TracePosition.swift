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

    /// Reads `version-traceid-parentid-flags` in lower-case hex; nil for anything malformed (TC-1). All
    /// flags are kept.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 55, let version = Self.number(bytes[0..<2]), version != 0xff,
            bytes[2] == Self.dash, bytes[35] == Self.dash, bytes[52] == Self.dash,
            let high = Self.number(bytes[3..<19]), let low = Self.number(bytes[19..<35]),
            let span = Self.number(bytes[36..<52]), let flags = Self.number(bytes[53..<55]),
            high | low != 0, span != 0
        else { return nil }
        // Version 00 ends here; a later one may go on after a dash and is read as if it were 00.
        if bytes.count > 55 {
            guard version != 0, bytes[55] == Self.dash else { return nil }
        }
        self.init(
            traceHigh: high, traceLow: low, spanID: span, flags: UInt8(truncatingIfNeeded: flags))
    }

    /// The header value, always version 00.
    package var text: String {
        String(unsafeUninitializedCapacity: 55) { buffer in
            let text = UnsafeMutableRawBufferPointer(buffer)
            let flags = HexText.digits(UInt32(flags) << 24)
            text[0] = UInt8(ascii: "0")
            text[1] = UInt8(ascii: "0")
            HexText.write(traceHigh, to: text, at: 3)
            HexText.write(traceLow, to: text, at: 19)
            HexText.write(spanID, to: text, at: 36)
            for dash in [2, 35, 52] { text[dash] = Self.dash }
            text[53] = UInt8(truncatingIfNeeded: flags >> 56)
            text[54] = UInt8(truncatingIfNeeded: flags >> 48)
            return 55
        }
    }

    /// 32 lower-case hex digits.
    package var traceID: String {
        String(unsafeUninitializedCapacity: 32) { buffer in
            let text = UnsafeMutableRawBufferPointer(buffer)
            HexText.write(traceHigh, to: text, at: 0)
            HexText.write(traceLow, to: text, at: 16)
            return 32
        }
    }

    /// 16 lower-case hex digits.
    package var spanText: String {
        String(unsafeUninitializedCapacity: 16) { buffer in
            HexText.write(spanID, to: UnsafeMutableRawBufferPointer(buffer), at: 0)
            return 16
        }
    }

    private static let dash = UInt8(ascii: "-")

    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for byte in digits {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                value = value << 4 | UInt64(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"):
                value = value << 4 | UInt64(byte - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }
}
