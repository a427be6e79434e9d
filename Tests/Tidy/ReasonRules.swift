/// Holes in what the compiler proves, and errors that are dropped, need a sentence that says why.
enum ReasonRules {
    static func check(_ sources: [SwiftSource]) -> [Violation] {
        sources.flatMap { reasons($0) + ignored($0) }
    }

    /// Reason: on the line or within three lines above. Tests may create tasks without one: watching
    /// something from outside, and cancelling it, is what many of them are for.
    static func reasons(_ source: SwiftSource) -> [Violation] {
        let code = source.code
        var tokens = ["@unchecked Sendable", "nonisolated(unsafe)"]
        if !source.isTest { tokens += ["Task.detached", "Task.immediate"] }
        let found =
            tokens.flatMap { token in code.words(token).map { (token, $0) } }
            + (source.isTest ? [] : unstructuredTasks(code).map { ("Task", $0) })
        return found.compactMap { token, offset in
            let line = code.line(at: offset)
            guard !source.hasComment("Reason:", near: line, above: 3) else { return nil }
            return Violation(
                path: source.path, line: line,
                message: "`\(token)` needs a `// Reason:` line above it")
        }
    }

    /// `Task {`, `Task(`, and both with generic arguments; not `Task.isCancelled`, not the type's name.
    private static func unstructuredTasks(_ code: Text) -> [Int] {
        code.words("Task").filter { offset in
            guard code.byte(offset - 1) != UInt8(ascii: ".") else { return false }
            var next = offset + 4
            if code.byte(next) == UInt8(ascii: "<") {
                while code.byte(next) != UInt8(ascii: ">"), code.byte(next) != 0x0A { next += 1 }
                next += 1
            }
            if code.byte(next) == UInt8(ascii: "(") { return true }
            next = code.solidOffset(from: next)
            // `extension Task {` and a return type before a body are no creation.
            return code.byte(next) == UInt8(ascii: "{")
                && code.solidByte(before: offset) != UInt8(ascii: ">")
                && !code.string((offset - 10)..<offset).hasSuffix("extension ")
        }
    }

    /// Ignored: on the line or within two lines around it. What a test expects of a failure is not
    /// ignored.
    static func ignored(_ source: SwiftSource) -> [Violation] {
        let code = source.code
        let found =
            code.words("try?").map { ("try?", $0) }
            + emptyCatches(code).map { ("an empty catch", $0) }
        return found.compactMap { token, offset in
            let line = code.line(at: offset)
            guard !source.hasComment("Ignored:", near: line, above: 2, below: 2),
                !(source.isTest && code.content(ofLine: line).contains("#expect("))
            else { return nil }
            return Violation(
                path: source.path, line: line,
                message: "\(token) needs an `// Ignored:` comment that says why")
        }
    }

    private static func emptyCatches(_ code: Text) -> [Int] {
        code.words("catch").filter { offset in
            var next = offset
            while code.byte(next) != UInt8(ascii: "{"), code.byte(next) != 0 { next += 1 }
            return code.byte(code.solidOffset(from: next + 1)) == UInt8(ascii: "}")
        }
    }
}
