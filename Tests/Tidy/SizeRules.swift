/// A file holds one idea, a function fits a screen. What is larger already is listed with its size
/// in Tests/Fixtures/tidy/size-ratchet.txt and may shrink only.
enum SizeRules {
    static let fileLimit = 400
    static let functionLimit = 60

    struct Function: Equatable {
        var name: String
        var line: Int
        var lines: Int
    }

    /// Lines `file <lines> <path>` and `function <lines> <path> <name>`; `#` begins a comment.
    static func ratchet(_ text: String) -> [String: Int] {
        var sizes: [String: Int] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ", maxSplits: 2)
            guard words.count == 3, let size = Int(words[1]) else { continue }
            sizes["\(words[0]) \(words[2])"] = size
        }
        return sizes
    }

    static func check(_ sources: [SwiftSource], _ ratchet: [String: Int]) -> [Violation] {
        sources.flatMap { source -> [Violation] in
            var found = [Violation]()
            let limit = max(fileLimit, ratchet["file \(source.path)"] ?? 0)
            if source.raw.lineCount > limit {
                found.append(
                    Violation(
                        path: source.path, line: nil,
                        message: "\(source.raw.lineCount) lines, at most \(limit): split it"))
            }
            for function in functions(of: source) {
                let limit = max(
                    functionLimit, ratchet["function \(source.path) \(function.name)"] ?? 0)
                guard function.lines > limit else { continue }
                found.append(
                    Violation(
                        path: source.path, line: function.line,
                        message: "\(function.name) has \(function.lines) lines, at most \(limit)"))
            }
            return found
        }
    }

    /// Entries of the ratchet whose file is gone.
    static func stale(_ ratchet: [String: Int], paths: Set<String>) -> [Violation] {
        ratchet.keys.sorted().compactMap { key in
            let words = key.split(separator: " ", maxSplits: 2)
            guard words.count > 1, !paths.contains(String(words[1])) else { return nil }
            return Violation(
                path: "Tests/Fixtures/tidy/size-ratchet.txt", line: nil,
                message: "no file for entry: \(key)")
        }
    }

    /// Functions and initializers that have a body, with the lines from declaration to last brace.
    static func functions(of source: SwiftSource) -> [Function] {
        let code = source.code
        return ["func", "init", "deinit"].flatMap { word in
            code.words(word).compactMap { offset -> Function? in
                // `.init(…)` is a call.
                guard code.byte(offset - 1) != UInt8(ascii: "."),
                    let open = body(code, after: offset + word.utf8.count)
                else { return nil }
                let line = code.line(at: offset)
                let last = code.line(at: closing(code, open))
                return Function(
                    name: name(source.raw, offset, word), line: line, lines: last - line + 1)
            }
        }
    }

    /// The brace that opens a declaration's body; nil for a requirement, which has none.
    private static func body(_ code: Text, after start: Int) -> Int? {
        var depth = 0
        var offset = start
        while offset < code.bytes.count {
            switch code.byte(offset) {
            case UInt8(ascii: "("), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "{") where depth == 0: return offset
            case UInt8(ascii: "}") where depth == 0: return nil
            case 0x0A where depth == 0 && declarationBegins(code, at: offset + 1): return nil
            default: break
            }
            if depth < 0 { return nil }
            offset += 1
        }
        return nil
    }

    private static let openers: Set<String> = [
        "func", "init", "deinit", "var", "let", "static", "package", "private", "internal", "case",
        "typealias", "associatedtype", "subscript", "mutating", "nonisolated", "struct", "enum",
    ]

    private static func declarationBegins(_ code: Text, at lineStart: Int) -> Bool {
        let start = code.solidOffset(from: lineStart)
        var end = start
        while isWord(code.byte(end)) { end += 1 }
        return code.byte(start) == UInt8(ascii: "@") || openers.contains(code.string(start..<end))
    }

    private static func closing(_ code: Text, _ open: Int) -> Int {
        var depth = 0
        for offset in open..<code.bytes.count {
            let byte = code.byte(offset)
            if byte == UInt8(ascii: "{") { depth += 1 }
            if byte == UInt8(ascii: "}") { depth -= 1 }
            if depth == 0 { return offset }
        }
        return code.bytes.count - 1
    }

    private static func name(_ raw: Text, _ offset: Int, _ word: String) -> String {
        guard word == "func" else { return word }
        var end = raw.solidOffset(from: offset + 4)
        let start = end
        let quoted = raw.byte(start) == UInt8(ascii: "`")
        end += 1
        if quoted {
            while raw.byte(end) != UInt8(ascii: "`"), raw.byte(end) != 0 { end += 1 }
            return raw.string((start + 1)..<end)
        }
        while !isSpace(raw.byte(end)), raw.byte(end) != UInt8(ascii: "("), raw.byte(end) != 0 {
            end += 1
        }
        return raw.string(start..<end)
    }
}
