/// A checked request target (RFC 9112 §3.2) in the head that it came with. Text is made on demand.
struct RequestTarget: Sendable {
    private let buffer: HeadBuffer

    /// The target of a head whose facts are known.
    init(of buffer: HeadBuffer) { self.buffer = buffer }

    /// From text, for requests that come from no socket.
    init(_ text: String, method: Method) throws(ParseError) {
        let buffer = HeadBuffer()
        let bytes = Array(text.utf8)
        buffer.setTarget(bytes, 0..<bytes.count)
        buffer.request.target = try TargetParts(buffer.bytes, buffer.targetEnd, method: method)
        self.buffer = buffer
    }

    private var parts: TargetParts { buffer.request.target }

    /// Path and query as received; an absolute-form target without its scheme and authority.
    var text: String {
        let parts = self.parts
        let text = String(decoding: buffer.bytes[parts.start..<parts.end], as: UTF8.self)
        // Of an absolute form only the authority may be there, or a query behind it.
        let hasPath = parts.pathEnd > parts.start
        return hasPath ? text : "/" + text
    }

    /// Canonical and decoded; `*` for `OPTIONS *`.
    var pathText: String {
        parts.decoded?.path ?? String(decoding: buffer.bytes[parts.path], as: UTF8.self)
    }

    /// The bytes of `pathText`.
    var pathBytes: ArraySlice<UInt8> {
        guard let decoded = parts.decoded?.path else { return buffer.bytes[parts.path] }
        return Array(decoded.utf8)[...]
    }

    /// The items in their order.
    var query: [(name: String, value: String)] { parts.decoded?.query ?? [] }
}

/// Where the parts of a target are among the bytes of its head.
struct TargetParts: Sendable {
    /// Path and query as received.
    private(set) var start = 0
    private(set) var end = 0
    /// The path as received; canonical unless `decoded` says otherwise.
    private(set) var pathEnd = 0
    /// The start of the authority of an absolute form, which ends at `start`; 0 without one.
    private var authorityStart = 0
    private(set) var decoded: DecodedTarget?

    var path: Range<Int> { start..<pathEnd }

    /// The authority of an absolute-form target.
    var authority: Range<Int>? { authorityStart > 0 ? authorityStart..<start : nil }

    /// The parts of nothing.
    init() {}

    /// The parts of the target `bytes[..<end]`.
    init(_ bytes: [UInt8], _ end: Int, method: Method) throws(ParseError) {
        // The first question mark is found on the way: no authority holds one.
        var index = 0
        pathEnd = end
        while index < end, Character8.isTargetCharacter(bytes[index]) {
            if bytes[index] == Character8.question, index < pathEnd { pathEnd = index }
            index += 1
        }
        guard index == end else {
            throw .malformed("The request target holds a character it must not.")
        }
        if case .connect = method {
            throw ParseError(
                status: 501, code: "unsupported_method", detail: "CONNECT is not offered.")
        }
        self.end = end
        if end == 1, bytes[0] == UInt8(ascii: "*") {
            guard case .options = method else {
                throw .malformed("The target * is for OPTIONS only.")
            }
            return
        }
        if end == 0 || bytes[0] != Character8.slash { try findAuthority(bytes) }
        let isCanonical = CanonicalPath.isCanonical(bytes, path)
        if isCanonical, pathEnd == end { return }
        decoded = try DecodedTarget(
            bytes, path: path, query: pathEnd < end ? pathEnd + 1..<end : end..<end,
            isCanonical: isCanonical)
    }

    private mutating func findAuthority(_ bytes: [UInt8]) throws(ParseError) {
        for scheme in [StaticString("http://"), "https://"]
        where Self.begins(bytes[..<end], with: scheme) {
            authorityStart = scheme.utf8CodeUnitCount
            start = authorityStart
            while start < end, bytes[start] != Character8.slash,
                bytes[start] != Character8.question
            {
                start += 1
            }
            return
        }
        throw .malformed("The request target is neither a path nor an http URL.")
    }

    private static func begins(_ bytes: ArraySlice<UInt8>, with scheme: StaticString) -> Bool {
        String(decoding: bytes.prefix(scheme.utf8CodeUnitCount), as: UTF8.self)
            .equalsIgnoringCase("\(scheme)")
    }
}

/// What a target says in other words than it was received in; few have anything of it.
final class DecodedTarget: Sendable {
    /// The canonical path, when the received one had to be decoded, merged or resolved, or is missing.
    let path: String?
    let query: [(name: String, value: String)]

    @inline(never)
    fileprivate init(_ bytes: [UInt8], path: Range<Int>, query: Range<Int>, isCanonical: Bool)
        throws(ParseError)
    {
        if isCanonical {
            self.path = nil
        } else {
            self.path = path.isEmpty ? "/" : try CanonicalPath(bytes: bytes[path]).decoded
        }
        self.query = try QueryString.parse(bytes: bytes[query])
    }
}
