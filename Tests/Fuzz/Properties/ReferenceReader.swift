/// A second reader of HTTP messages, written from RFC 9112 and not from the parser: it has the whole
/// input, no limits and no states, and is as plain as possible. It accepts a little more than the
/// parser does; what both accept they must understand alike.
struct ReferenceReader {
    struct Field: Equatable {
        /// In lower case.
        var name: String
        var value: [UInt8]

        init(_ name: String, _ value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }

    struct Message {
        /// The start line's words.
        var startLine: [String]
        var fields: [Field]
        var body: [UInt8] = []
        /// The body ends where the connection does.
        var untilClose = false
    }

    private let bytes: [UInt8]
    /// Where the next message begins.
    private(set) var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The next request, nil when there is none or when it is none. Not to be used after nil.
    mutating func request() -> Message? {
        // A robust server ignores an empty line before the request line (RFC 9112 §2.2).
        for _ in 0..<2 where bytes[offset...].starts(with: [13, 10]) { offset += 2 }
        guard var message = head(), message.startLine.count == 3 else { return nil }
        guard let framing = framing(message.fields) else { return nil }
        if framing == .chunked, message.startLine[2] == "HTTP/1.0" { return nil }
        return body(&message, framing ?? .length(0)) ? message : nil
    }

    /// The next response that is not interim.
    mutating func response(toHead: Bool) -> Message? {
        while true {
            guard var message = head(), message.startLine.count >= 2,
                let status = Int(message.startLine[1])
            else { return nil }
            if status < 200 { continue }
            guard let framing = framing(message.fields) else { return nil }
            if toHead || status == 204 || status == 304 { return message }
            if framing == nil {
                message.untilClose = true
                message.body = Array(bytes[offset...])
                offset = bytes.count
                return message
            }
            return body(&message, framing ?? .length(0)) ? message : nil
        }
    }

    private enum Framing: Equatable {
        case chunked
        case length(Int)
    }

    /// Start line and fields up to the empty line.
    private mutating func head() -> Message? {
        var lines: [[UInt8]] = []
        while true {
            guard let end = bytes[offset...].firstIndex(of: 10), end > offset, bytes[end - 1] == 13
            else { return nil }
            let line = Array(bytes[offset..<(end - 1)])
            offset = end + 1
            if line.isEmpty { break }
            guard !line.contains(13), !line.contains(0) else { return nil }
            lines.append(line)
        }
        guard let first = lines.first else { return nil }
        let words = first.split(separator: 32, omittingEmptySubsequences: false).map(Self.text)
        var fields: [Field] = []
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: 58), colon > 0, line[0] != 32, line[0] != 9 else {
                return nil
            }
            var value = line[(colon + 1)...]
            while value.first == 32 || value.first == 9 { value = value.dropFirst() }
            while value.last == 32 || value.last == 9 { value = value.dropLast() }
            fields.append(Field(Self.text(line[..<colon]).lowercased(), Array(value)))
        }
        return Message(startLine: words, fields: fields)
    }

    /// RFC 9112 §6.3: nil is a message that must not be trusted, `.some(nil)` one that says nothing.
    private func framing(_ fields: [Field]) -> Framing?? {
        let codings = fields.filter { $0.name == "transfer-encoding" }
        let lengths = fields.filter { $0.name == "content-length" }
        if let coding = codings.first {
            guard codings.count == 1, lengths.isEmpty,
                Self.text(coding.value[...]).lowercased() == "chunked"
            else { return .none }
            return .some(.chunked)
        }
        guard let length = lengths.first else { return .some(nil) }
        guard lengths.count == 1, !length.value.isEmpty,
            length.value.allSatisfy({ (48...57).contains($0) }),
            let number = Int(Self.text(length.value[...]))
        else { return .none }
        return .some(.length(number))
    }

    /// False when the body is not complete or no body.
    private mutating func body(_ message: inout Message, _ framing: Framing) -> Bool {
        switch framing {
        case .length(let length):
            guard length <= bytes.count - offset else { return false }
            message.body = Array(bytes[offset..<(offset + length)])
            offset += length
            return true
        case .chunked:
            guard case .complete(let chunks) = ReferenceChunks.read(bytes, from: offset) else {
                return false
            }
            message.body = chunks.data
            offset = chunks.end
            return true
        }
    }

    /// The target without scheme and authority.
    static func originForm(_ target: String) -> String {
        guard target.utf8.first != UInt8(ascii: "/"), target != "*" else { return target }
        guard let colon = target.firstIndex(of: ":") else { return target }
        let rest = target[colon...].dropFirst(3)
        guard let start = rest.firstIndex(where: { $0 == "/" || $0 == "?" }) else { return "/" }
        return (rest[start] == "/" ? "" : "/") + rest[start...]
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        var text = String.UnicodeScalarView()
        for byte in bytes { text.append(Unicode.Scalar(byte)) }
        return String(text)
    }
}
