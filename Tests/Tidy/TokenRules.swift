/// Words that must not appear, each with what to write instead.
enum TokenRules {
    struct Banned {
        var token: String
        var instead: String
        /// Whether the rule holds for a file.
        var applies: @Sendable (SwiftSource) -> Bool = { _ in true }
        /// Whether the token at this offset of the code is really what is meant.
        var matches: @Sendable (Text, Int) -> Bool = { _, _ in true }
    }

    static let banned: [Banned] = [
        Banned(token: "try!", instead: "throw, or #require in a test"),
        Banned(token: "as!", instead: "as? with an error"),
        Banned(
            token: "print(", instead: "the Logger with fields, or Terminal in mercatoctl",
            applies: { source in
                // Tests of whole stacks print what they measured.
                !source.path.hasPrefix("Services/Mercatoctl/") && !source.parts.contains("Main")
                    && !source.path.hasPrefix("Tests/Integration/")
                    && !source.path.hasPrefix("Tests/EndToEnd/")
            }, matches: isFreeCall),
        Banned(token: "Task.sleep", instead: "loop.sleep(for:), or in a test eventually(within:)"),
        Banned(
            token: "Thread.sleep", instead: "loop.sleep(for:), or in a test eventually(within:)"),
        Banned(
            token: "usleep(", instead: "a wait with a deadline and an owner",
            // The one blocking wait of the code that starts servers; see its README.
            applies: { $0.path != "Services/Mercatoctl/Native/Interruption.swift" },
            matches: isFreeCall),
        Banned(token: "sleep(", instead: "loop.sleep(for:)", matches: isFreeCall),
        Banned(token: "fatalError(", instead: "precondition for a bug, an error for input"),
        Banned(token: "DispatchQueue", instead: "the event loop, or a Thread with a name"),
        Banned(
            token: "public", instead: "package, internal or private",
            matches: { code, offset in isSpace(code.byte(offset + 6)) }),
    ]

    private static let isFreeCall: @Sendable (Text, Int) -> Bool = { code, offset in
        let before = code.byte(offset - 1)
        guard !isWord(before), before != UInt8(ascii: ".") else { return false }
        return !code.string((offset - 5)..<offset).hasSuffix("func ")
    }

    static func check(_ sources: [SwiftSource]) -> [Violation] {
        sources.flatMap { source in
            banned.filter { $0.applies(source) }.flatMap { rule in
                source.code.words(rule.token).filter { rule.matches(source.code, $0) }.map {
                    Violation(
                        path: source.path, line: source.code.line(at: $0),
                        message: "`\(rule.token)` is banned; use \(rule.instead)")
                }
            } + forceUnwraps(source)
        }
    }

    /// `name!`, `call()!`, `list[0]!`: an exclamation mark that touches what stands before it and is
    /// no `!=`. Types that are implicitly unwrapped look the same and are meant as well.
    private static func forceUnwraps(_ source: SwiftSource) -> [Violation] {
        source.code.occurrences(of: "!").filter { offset in
            let before = source.code.byte(offset - 1)
            guard isWord(before) || before == UInt8(ascii: ")") || before == UInt8(ascii: "]"),
                source.code.byte(offset + 1) != UInt8(ascii: "=")
            else { return false }
            // `try!` and `as!` have words of their own above.
            return !["try", "as"].contains {
                source.code.string((offset - 4)..<offset).hasSuffix(" " + $0)
            }
        }.map {
            Violation(
                path: source.path, line: source.code.line(at: $0),
                message: "forced unwrapping; use guard, or #require in a test")
        }
    }

    /// Notes to oneself, in every kind of file. Spelled in pieces, so this file has none of them.
    static let notes = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "not " + "implemented"]

    static func notes(_ texts: [Text]) -> [Violation] {
        texts.flatMap { text in
            notes.flatMap { note in
                text.words(note).map {
                    Violation(
                        path: text.path, line: text.line(at: $0),
                        message: "`\(note)`: do it, or open an issue")
                }
            }
        }
    }
}
