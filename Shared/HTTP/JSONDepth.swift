/// How deep a JSON text nests, counted over its bytes before anything builds values from it.
///
/// Decoders pay for each level, some more than once; RFC 8259 §9 allows a limit.
package enum JSONDepth {
    /// Arrays and objects inside each other in a request's body; no route needs five.
    package static let requestMax = 64

    /// True when brackets outside strings open more than `limit` levels. The text need not be
    /// valid: what is no JSON is left to the decoder.
    package static func exceeds(_ limit: Int, _ bytes: [UInt8]) -> Bool {
        var depth = 0
        var isInString = false
        var isEscaped = false
        for byte in bytes {
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == Character8.backslash {
                    isEscaped = true
                } else if byte == Character8.quote {
                    isInString = false
                }
                continue
            }
            switch byte {
            case Character8.quote: isInString = true
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                if depth > limit { return true }
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            default: break
            }
        }
        return false
    }
}
