/// `method SP target SP version` (RFC 9112 §3).
struct StartLine: Sendable {
    let method: Method
    let version: HTTPVersion
    /// Where the target is in the array that holds the line.
    let target: Range<Int>

    init(_ bytes: [UInt8], _ line: Range<Int>, limits: HTTPLimits) throws(ParseError) {
        let end = line.upperBound
        let first = Self.space(bytes, line.lowerBound, end)
        let second = Self.space(bytes, first + 1, end)
        guard first > line.lowerBound, second > first + 1, second + 1 < end,
            Self.space(bytes, second + 1, end) == end
        else { throw .malformed("A request line is a method, a target and a version.") }
        // The version comes first: another one may have another grammar (H10).
        version = try Self.version(bytes, second + 1..<end)
        let method = line.lowerBound..<first
        for index in method where !Character8.isToken(bytes[index]) {
            throw .malformed("The method is not a token.")
        }
        guard method.count <= limits.methodMax else {
            throw ParseError(
                status: 501, code: "unsupported_method", detail: "The method is too long.")
        }
        self.method = Method(bytes, method)
        target = first + 1..<second
    }

    /// The first blank, or the end.
    private static func space(_ bytes: [UInt8], _ start: Int, _ end: Int) -> Int {
        var index = start
        while index < end, bytes[index] != Character8.space { index += 1 }
        return index
    }

    static func version(_ text: ArraySlice<UInt8>) throws(ParseError) -> HTTPVersion {
        try version(Array(text), 0..<text.count)
    }

    private static func version(_ bytes: [UInt8], _ text: Range<Int>) throws(ParseError)
        -> HTTPVersion
    {
        let start = text.lowerBound
        guard text.count == 8, bytes[start] == UInt8(ascii: "H"),
            bytes[start + 1] == UInt8(ascii: "T"), bytes[start + 2] == UInt8(ascii: "T"),
            bytes[start + 3] == UInt8(ascii: "P"), bytes[start + 4] == Character8.slash,
            Character8.isDigit(bytes[start + 5]), bytes[start + 6] == Character8.dot,
            Character8.isDigit(bytes[start + 7])
        else { throw .malformed("The version is malformed.") }
        guard bytes[start + 5] == UInt8(ascii: "1") else {
            throw ParseError(
                status: 505, code: "unsupported_version", detail: "Only HTTP/1.1 is spoken here.")
        }
        return bytes[start + 7] == UInt8(ascii: "0") ? .http10 : .http11
    }
}
