import Foundation

/// Reads one YAML document within limits.
///
/// Refused by line: aliases and anchors (a short text can unfold to gigabytes), tags (a type is what
/// the reader asks for), keys given twice (the last one would win silently), several documents.
package enum YAMLDocument {
    /// The longest text, in bytes.
    package static let sizeMax = 256 * 1_024
    /// Lists and mappings within each other.
    package static let depthMax = 32
    /// Values, lists and mappings in one text.
    package static let nodesMax = 10_000

    /// `name` stands for the file in error texts.
    package static func parse(_ text: String, name: String) throws(YAMLError) -> YAMLNode {
        guard text.utf8.count <= sizeMax else {
            throw YAMLError(
                .limit, name: name, line: 0, "is longer than \(sizeMax) bytes, which is allowed")
        }
        var composer = Composer(events: YAMLEvents(text), name: name)
        return try composer.document()
    }

    /// The file at a path; errors call it by the last part of the path.
    package static func load(path: String) throws(YAMLError) -> YAMLNode {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let data: Data?
        do {
            let file = try FileHandle(forReadingFrom: URL(filePath: path))
            data = try file.read(upToCount: sizeMax + 1)
            try file.close()
        } catch {
            throw YAMLError(.unreadableFile, name: path, line: 0, "cannot be read")
        }
        guard let text = String(data: data ?? Data(), encoding: .utf8) else {
            throw YAMLError(.unreadableFile, name: path, line: 0, "is not UTF-8")
        }
        return try parse(text, name: name)
    }
}

/// Builds nodes from events. Recursion is bounded by `depthMax`.
private struct Composer {
    let events: YAMLEvents
    let name: String
    private var nodes = 0

    init(events: YAMLEvents, name: String) {
        self.events = events
        self.name = name
    }

    mutating func document() throws(YAMLError) -> YAMLNode {
        _ = try next()
        let start = try next()
        guard case .documentStart(let hasDirectives) = start.kind else {
            throw error(.missing, start, "there is nothing in it; a mapping is expected")
        }
        guard !hasDirectives else {
            throw error(.unsupported, start, "directives (%YAML, %TAG) are not allowed")
        }
        let root = try node(next(), depth: 0)
        _ = try next()
        let end = try next()
        guard end.kind == .streamEnd else {
            throw error(.unsupported, end, "a second document begins; only one is allowed")
        }
        return root
    }

    private func next() throws(YAMLError) -> YAMLEvent {
        do {
            return try events.next()
        } catch {
            throw YAMLError(
                .syntax, name: name, line: error.line, "is not valid YAML: \(error.message)")
        }
    }

    private func error(_ code: YAMLError.Code, _ event: YAMLEvent, _ message: String) -> YAMLError {
        YAMLError(code, name: name, line: event.mark.line, message)
    }

    private mutating func node(_ event: YAMLEvent, depth: Int) throws(YAMLError) -> YAMLNode {
        nodes += 1
        guard nodes <= YAMLDocument.nodesMax else {
            throw error(
                .limit, event, "there are more than \(YAMLDocument.nodesMax) values, which is allowed")
        }
        guard depth <= YAMLDocument.depthMax else {
            throw error(
                .limit, event, "is nested deeper than \(YAMLDocument.depthMax) levels, which is allowed")
        }
        guard !event.hasAnchor, event.kind != .alias else {
            throw error(
                .unsupported, event, "anchors and aliases (&, *) are not allowed; write the value out")
        }
        guard !event.hasTag else {
            throw error(.unsupported, event, "tags (!) are not allowed; write the plain value")
        }
        switch event.kind {
        case .scalar(let text, let quoted): return .scalar(text, quoted: quoted, event.mark)
        case .sequenceStart: return .sequence(try elements(depth: depth), event.mark)
        case .mappingStart: return .mapping(try pairs(depth: depth), event.mark)
        default: throw error(.syntax, event, "is not valid YAML: a value is missing")
        }
    }

    private mutating func elements(depth: Int) throws(YAMLError) -> [YAMLNode] {
        var elements: [YAMLNode] = []
        while true {
            let event = try next()
            if event.kind == .sequenceEnd { return elements }
            elements.append(try node(event, depth: depth + 1))
        }
    }

    private mutating func pairs(depth: Int) throws(YAMLError)
        -> [(key: String, keyMark: YAMLMark, value: YAMLNode)]
    {
        var pairs: [(key: String, keyMark: YAMLMark, value: YAMLNode)] = []
        var seen: [String: Int] = [:]
        while true {
            let event = try next()
            if event.kind == .mappingEnd { return pairs }
            guard case .scalar(let key, _, let mark) = try node(event, depth: depth + 1) else {
                throw error(.unsupported, event, "a key must be a plain text, not a list or mapping")
            }
            if let first = seen[key] {
                throw error(
                    .duplicateKey, event,
                    "the key \"\(YAMLReader.shown(key))\" is given twice, first at line \(first)")
            }
            seen[key] = mark.line
            pairs.append((key, mark, try node(next(), depth: depth + 1)))
        }
    }
}
