import HTTP

/// What a request parser said about some bytes, for comparison: heads, bodies joined, ends, and the
/// refusal.
struct ParserTranscript: Equatable, CustomStringConvertible {
    enum Entry: Equatable {
        case head(method: String, target: String, path: String, fields: [String], framing: BodyFraming)
        case body([UInt8])
        case end
    }

    private(set) var entries: [Entry] = []
    private(set) var refusal: ParseError?

    /// Feeds the pieces one after the other, and takes everything out after each.
    init(_ pieces: some Sequence<ArraySlice<UInt8>>, limits: HTTPLimits = .standard) {
        var parser = RequestParser(limits: limits)
        do throws(ParseError) {
            for piece in pieces {
                parser.append(piece)
                while let event = try parser.next() { add(event) }
            }
        } catch {
            refusal = error
            // How much of a body came before its refusal is no result: nobody is given it.
            if case .body = entries.last { entries.removeLast() }
        }
    }

    init(_ bytes: [UInt8]) { self.init([bytes[...]]) }

    /// Split in two before the byte `at`.
    init(_ bytes: [UInt8], splitAt at: Int) { self.init([bytes[..<at], bytes[at...]]) }

    /// Byte by byte.
    init(bytewise bytes: [UInt8]) { self.init(bytes.indices.lazy.map { bytes[$0...$0] }) }

    /// Requests whose end was reached.
    var completed: Int { entries.count { $0 == .end } }

    var targets: [String] {
        entries.compactMap { if case .head(_, let target, _, _, _) = $0 { target } else { nil } }
    }

    private mutating func add(_ event: RequestParser.Event) {
        switch event {
        case .head(let head):
            entries.append(
                .head(
                    method: head.method.text, target: head.target, path: head.path,
                    fields: head.headers.map { "\($0.name)=\($0.value)" }, framing: head.framing))
        case .body(let bytes):
            if case .body(let before) = entries.last {
                entries[entries.count - 1] = .body(before + Array(bytes))
            } else {
                entries.append(.body(Array(bytes)))
            }
        case .end: entries.append(.end)
        }
    }

    var description: String {
        "\(entries)\(refusal.map { " refused: \($0)" } ?? "")"
    }
}
