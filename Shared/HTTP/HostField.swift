/// The grammar of `Host`: name, IPv4 or bracketed IPv6 address, and an optional port (H28).
enum HostField {
    static func isValid(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        guard !range.isEmpty else { return false }
        if bytes[range.lowerBound] == UInt8(ascii: "[") { return isBracketed(bytes, range) }
        var index = range.lowerBound
        while index < range.upperBound, Character8.isUnreserved(bytes[index]) { index += 1 }
        if index == range.upperBound { return true }
        return bytes[index] == Character8.colon && index > range.lowerBound
            && isPort(bytes, index + 1..<range.upperBound)
    }

    private static func isBracketed(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        var end = range.lowerBound + 1
        while end < range.upperBound, bytes[end] != UInt8(ascii: "]") {
            let byte = bytes[end]
            guard
                Character8.hexValue(byte) != nil || byte == Character8.colon
                    || byte == Character8.dot
            else { return false }
            end += 1
        }
        // At least `[::]`, with its end.
        guard end < range.upperBound, end - range.lowerBound >= 3 else { return false }
        let rest = end + 1
        return rest == range.upperBound
            || bytes[rest] == Character8.colon && isPort(bytes, rest + 1..<range.upperBound)
    }

    private static func isPort(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        guard range.count >= 1, range.count <= 5 else { return false }
        // Five digits at most.
        var port = 0
        var index = range.lowerBound
        while index < range.upperBound {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return false }
            port = port &* 10 &+ Int(digit)
            index &+= 1
        }
        return port <= 65_535
    }
}
