/// The grammar of `Host`: name, IPv4 or bracketed IPv6 address, and an optional port (H28).
enum HostField {
    static func isValid(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        guard !range.isEmpty else { return false }
        if bytes[range.lowerBound] == UInt8(ascii: "[") { return isBracketed(bytes, range) }
        for index in range {
            let byte = bytes[index]
            if byte == Character8.colon {
                return index > range.lowerBound && isPort(bytes, index + 1..<range.upperBound)
            }
            guard Character8.isUnreserved(byte) else { return false }
        }
        return true
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
        guard (1...5).contains(range.count) else { return false }
        var port = 0
        for index in range {
            guard Character8.isDigit(bytes[index]) else { return false }
            port = port * 10 + Int(bytes[index] - UInt8(ascii: "0"))
        }
        return port <= 65_535
    }
}
