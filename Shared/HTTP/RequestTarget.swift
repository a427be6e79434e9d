/// A checked request target (RFC 9112 §3.2).
struct RequestTarget: Sendable {
    /// Path and query as received; an absolute-form target without its scheme and authority.
    let text: String
    /// Canonical and decoded; `*` for `OPTIONS *`.
    let path: String
    let query: [(name: String, value: String)]
    /// The authority of an absolute-form target.
    let authority: String?

    init(_ raw: String, method: Method) throws(ParseError) {
        guard raw.utf8.allSatisfy(Character8.isTargetCharacter) else {
            throw .malformed("The request target holds a character it must not.")
        }
        if method == .connect {
            throw ParseError(
                status: 501, code: "unsupported_method", detail: "CONNECT is not offered.")
        }
        if raw == "*" {
            guard method == .options else {
                throw .malformed("The target * is for OPTIONS only.")
            }
            (text, path, query, authority) = ("*", "*", [], nil)
            return
        }
        var origin = raw[...]
        var authority: String?
        if !raw.hasPrefix("/") {
            let split = try Self.absoluteForm(raw)
            authority = split.authority
            origin = split.origin
        }
        let parts = origin.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = try CanonicalPath(parts[0].isEmpty ? "/" : parts[0]).decoded
        query = parts.count > 1 ? try QueryString.parse(parts[1]) : []
        text = origin.hasPrefix("/") ? String(origin) : "/" + origin
        self.authority = authority
    }

    private static func absoluteForm(_ raw: String) throws(ParseError)
        -> (authority: String, origin: Substring)
    {
        for scheme in ["http://", "https://"]
        where raw.prefix(scheme.count).equalsIgnoringCase(scheme) {
            let rest = raw.dropFirst(scheme.count)
            let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
            return (String(rest[..<end]), rest[end...])
        }
        throw .malformed("The request target is neither a path nor an http URL.")
    }
}

/// The grammar of `Host`: name, IPv4 or bracketed IPv6 address, and an optional port (H28).
enum HostField {
    static func isValid(_ text: String) -> Bool {
        var name = text[...]
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return false }
            let address = text[text.index(after: text.startIndex)..<end]
            guard address.utf8.count >= 2,
                address.utf8.allSatisfy({
                    Character8.hexValue($0) != nil || $0 == Character8.colon || $0 == Character8.dot
                })
            else { return false }
            name = text[text.index(after: end)...]
            return name.isEmpty || (name.hasPrefix(":") && isPort(name.dropFirst()))
        }
        if let colon = name.firstIndex(of: ":") {
            guard isPort(name[name.index(after: colon)...]) else { return false }
            name = name[..<colon]
        }
        return !name.isEmpty
            && name.utf8.allSatisfy { Character8.isUnreserved($0) }
    }

    private static func isPort(_ text: Substring) -> Bool {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy(Character8.isDigit),
            let port = Int(text)
        else { return false }
        return port <= 65_535
    }
}
