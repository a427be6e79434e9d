/// A checked request target (RFC 9112 §3.2). It keeps the bytes as received and makes text on demand:
/// nearly every path is canonical already.
struct RequestTarget: Sendable {
    private let buffer: HeadBuffer
    /// Path and query, where they stand in `buffer`.
    private let origin: Range<Int>
    /// The path as received; canonical unless `decodedPath` says otherwise.
    private let path: Range<Int>
    /// The canonical path, when the received one had to be decoded, merged or resolved, or is missing.
    private let decodedPath: String?
    let query: [(name: String, value: String)]
    /// The authority of an absolute-form target.
    let authority: ArraySlice<UInt8>?

    /// The target that `buffer` begins with.
    init(_ buffer: HeadBuffer, method: Method) throws(ParseError) {
        let raw = buffer.bytes[..<buffer.targetEnd]
        guard raw.allSatisfy(Character8.isTargetCharacter) else {
            throw .malformed("The request target holds a character it must not.")
        }
        if method == .connect {
            throw ParseError(
                status: 501, code: "unsupported_method", detail: "CONNECT is not offered.")
        }
        self.buffer = buffer
        if raw.elementsEqual([UInt8(ascii: "*")]) {
            guard method == .options else {
                throw .malformed("The target * is for OPTIONS only.")
            }
            (origin, path, decodedPath, query, authority) = (0..<1, 0..<1, nil, [], nil)
            return
        }
        var rest = raw
        var authority: ArraySlice<UInt8>?
        if raw.first != Character8.slash {
            (authority, rest) = try Self.absoluteForm(raw)
        }
        self.authority = authority
        origin = rest.startIndex..<rest.endIndex
        let mark = rest.firstIndex(of: Character8.question)
        let path = rest[..<(mark ?? rest.endIndex)]
        self.path = path.startIndex..<path.endIndex
        if CanonicalPath.isCanonical(path) {
            decodedPath = nil
        } else {
            decodedPath = path.isEmpty ? "/" : try CanonicalPath(bytes: path).decoded
        }
        query = try mark.map { mark throws(ParseError) in
            try QueryString.parse(String(decoding: rest[(mark + 1)...], as: UTF8.self))
        } ?? []
    }

    /// From text, for requests that come from no socket.
    init(_ text: String, method: Method) throws(ParseError) {
        let buffer = HeadBuffer()
        buffer.setTarget(text.utf8)
        try self.init(buffer, method: method)
    }

    /// Path and query as received; an absolute-form target without its scheme and authority.
    var text: String {
        let text = String(decoding: buffer.bytes[origin], as: UTF8.self)
        return text.hasPrefix("/") || text == "*" ? text : "/" + text
    }

    /// Canonical and decoded; `*` for `OPTIONS *`.
    var pathText: String {
        decodedPath ?? String(decoding: buffer.bytes[path], as: UTF8.self)
    }

    /// The bytes of `pathText`.
    var pathBytes: ArraySlice<UInt8> {
        guard let decodedPath else { return buffer.bytes[path] }
        return Array(decodedPath.utf8)[...]
    }

    private static func absoluteForm(_ raw: ArraySlice<UInt8>) throws(ParseError)
        -> (authority: ArraySlice<UInt8>, origin: ArraySlice<UInt8>)
    {
        for scheme in ["http://", "https://"]
        where String(decoding: raw.prefix(scheme.utf8.count), as: UTF8.self)
            .equalsIgnoringCase(scheme)
        {
            let rest = raw.dropFirst(scheme.utf8.count)
            let end =
                rest.firstIndex { $0 == Character8.slash || $0 == Character8.question }
                ?? rest.endIndex
            return (rest[..<end], rest[end...])
        }
        throw .malformed("The request target is neither a path nor an http URL.")
    }
}

/// The grammar of `Host`: name, IPv4 or bracketed IPv6 address, and an optional port (H28).
enum HostField {
    static func isValid(_ text: ArraySlice<UInt8>) -> Bool {
        var name = text
        if text.first == UInt8(ascii: "[") {
            guard let end = text.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let address = text[(text.startIndex + 1)..<end]
            guard address.count >= 2,
                address.allSatisfy({
                    Character8.hexValue($0) != nil || $0 == Character8.colon || $0 == Character8.dot
                })
            else { return false }
            let rest = text[(end + 1)...]
            return rest.isEmpty || (rest.first == Character8.colon && isPort(rest.dropFirst()))
        }
        if let colon = name.firstIndex(of: Character8.colon) {
            guard isPort(name[(colon + 1)...]) else { return false }
            name = name[..<colon]
        }
        return !name.isEmpty && name.allSatisfy(Character8.isUnreserved)
    }

    private static func isPort(_ text: ArraySlice<UInt8>) -> Bool {
        guard (1...5).contains(text.count), text.allSatisfy(Character8.isDigit) else {
            return false
        }
        return text.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) } <= 65_535
    }
}
