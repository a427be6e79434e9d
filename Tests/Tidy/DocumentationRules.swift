/// What modules share says what it is: `package` types, functions and computed properties of Shared
/// carry a `///` comment; initializers and stored properties do where their name is not enough, which
/// no machine can tell. The number that lack one is listed for each module in
/// Tests/Fixtures/tidy/undocumented.txt and may fall only.
enum DocumentationRules {
    /// Members whose meaning their protocol gives.
    private static let obvious = [
        "description", "debugDescription", "errorDescription", "unownedExecutor", "hash(into",
        "encode(to", "init(from", "init(stringLiteral", "init(integerLiteral",
        "init(booleanLiteral",
        "init(floatLiteral", "init(nilLiteral", "init(dictionaryLiteral", "init(arrayLiteral",
        "rawValue", "static func ==", "static func <", "allCases", "makeAsyncIterator", "exitCode",
        "typealias Element", "typealias RawValue", "enqueue(_ ",
    ]

    static func undocumented(_ source: SwiftSource) -> [Violation] {
        source.code.words("package").compactMap { offset in
            let line = source.code.line(at: offset)
            let text = source.code.content(ofLine: line)
            guard isDeclaration(text), !isPlain(text),
                !obvious.contains(where: { text.contains($0) }),
                !hasDocumentation(source, line)
            else { return nil }
            return Violation(path: source.path, line: line, message: "no `///` comment above")
        }
    }

    private static func isDeclaration(_ line: String) -> Bool {
        // A stored property's `package private(set)` and the like begin with the word as well.
        var words = line.split(separator: " ")
        while let first = words.first, first.hasPrefix("@") || modifiers.contains(first) {
            words.removeFirst()
        }
        return words.first == "package" && words.dropFirst().first.map { $0 != "import" } ?? false
    }

    /// An initializer or a stored property.
    private static func isPlain(_ line: String) -> Bool {
        line.contains(" init(") || line.contains(" init?(") || line.contains(" let ")
            || line.contains(" var ") && !line.contains("{")
    }

    private static let modifiers: Set<Substring> = [
        "nonisolated", "static", "final", "mutating", "convenience", "override", "indirect",
        "isolated", "consuming", "borrowing",
    ]

    private static func hasDocumentation(_ source: SwiftSource, _ line: Int) -> Bool {
        var above = line - 1
        while above > 0 {
            let text = source.raw.content(ofLine: above).drop { $0 == " " }
            // Attributes and lint comments may stand between.
            guard text.hasPrefix("@") || (text.hasPrefix("//") && !text.hasPrefix("///")) else {
                return text.hasPrefix("///")
            }
            above -= 1
        }
        return false
    }

    /// Lines `<module> <count>`; `#` begins a comment.
    static func baseline(_ text: String) -> [String: Int] {
        var counts: [String: Int] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ")
            if words.count == 2, let count = Int(words[1]) { counts[String(words[0])] = count }
        }
        return counts
    }

    static func check(_ sources: [SwiftSource], _ baseline: [String: Int]) -> [Violation] {
        var found: [String: [Violation]] = [:]
        for source in sources where source.path.hasPrefix("Shared/") {
            guard let module = module(ofPath: source.path) else { continue }
            found[module, default: []] += undocumented(source)
        }
        return found.sorted { $0.key < $1.key }.flatMap { module, violations -> [Violation] in
            let allowed = baseline[module] ?? 0
            guard violations.count > allowed else { return [] }
            return [
                Violation(
                    path: "Shared/\(module)", line: nil,
                    message: "\(violations.count) package declarations without `///`, at most "
                        + "\(allowed); all of them follow")
            ] + violations
        }
    }
}
