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
        guard first > line.lowerBound, second > first + 1, second + 1 < end else {
            throw Self.malformed
        }
        // The version comes first: another one may have another grammar (H10).
        let version = second + 1..<end
        guard Self.isVersion(bytes, version) else {
            throw Self.space(bytes, second + 1, end) < end
                ? Self.malformed : .malformed("The version is malformed.")
        }
        self.version = try Self.version(bytes, version)
        let method = line.lowerBound..<first
        if let known = Method(known: bytes, method) {
            self.method = known
        } else {
            self.method = try Self.other(bytes, method)
        }
        guard method.count <= limits.methodMax else {
            throw ParseError(
                status: 501, code: "unsupported_method", detail: "The method is too long.")
        }
        target = first + 1..<second
    }

    private static func other(_ bytes: [UInt8], _ method: Range<Int>) throws(ParseError) -> Method {
        guard bytes[method].allSatisfy(Character8.isToken) else {
            throw .malformed("The method is not a token.")
        }
        return .other(String(decoding: bytes[method], as: UTF8.self))
    }

    /// The first blank, or the end.
    private static func space(_ bytes: [UInt8], _ start: Int, _ end: Int) -> Int {
        var index = start
        while index < end, bytes[index] != Character8.space { index += 1 }
        return index
    }

    private static let malformed = ParseError.malformed(
        "A request line is a method, a target and a version.")

    static func version(_ text: ArraySlice<UInt8>) throws(ParseError) -> HTTPVersion {
        let bytes = Array(text)
        guard isVersion(bytes, 0..<bytes.count) else {
            throw .malformed("The version is malformed.")
        }
        return try version(bytes, 0..<bytes.count)
    }

    /// `HTTP/`, a digit, a dot and a digit.
    private static func isVersion(_ bytes: [UInt8], _ text: Range<Int>) -> Bool {
        let start = text.lowerBound
        return text.count == 8 && bytes[start] == UInt8(ascii: "H")
            && bytes[start + 1] == UInt8(ascii: "T") && bytes[start + 2] == UInt8(ascii: "T")
            && bytes[start + 3] == UInt8(ascii: "P") && bytes[start + 4] == Character8.slash
            && Character8.isDigit(bytes[start + 5]) && bytes[start + 6] == Character8.dot
            && Character8.isDigit(bytes[start + 7])
    }

    private static func version(_ bytes: [UInt8], _ text: Range<Int>) throws(ParseError)
        -> HTTPVersion
    {
        let start = text.lowerBound
        guard bytes[start + 5] == UInt8(ascii: "1") else {
            throw ParseError(
                status: 505, code: "unsupported_version", detail: "Only HTTP/1.1 is spoken here.")
        }
        return bytes[start + 7] == UInt8(ascii: "0") ? .http10 : .http11
    }
}
