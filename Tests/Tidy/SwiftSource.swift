/// A Swift file in three layers of equal length: as written; its code alone; its comments alone.
/// What does not belong to a layer is blank there, so an offset means the same in all of them.
struct SwiftSource: Sendable {
    let raw: Text
    let code: Text
    let comments: Text

    var path: String { raw.path }
    /// The path's folders and file name.
    var parts: [Substring] { path.split(separator: "/") }
    var isTest: Bool { path.hasPrefix("Tests/") }

    init(path: String, bytes: [UInt8]) {
        var lexer = Lexer(bytes)
        lexer.run()
        raw = Text(path: path, bytes: bytes)
        code = Text(path: path, bytes: lexer.code)
        comments = Text(path: path, bytes: lexer.comments)
    }

    init(path: String, _ text: String) {
        self.init(path: path, bytes: Array(text.utf8))
    }

    /// Whether a comment holding `marker` stands on the line, within `above` lines above it, within
    /// `below` lines below it, or in the block of comments that ends where those lines begin.
    func hasComment(_ marker: String, near line: Int, above: Int, below: Int = 0) -> Bool {
        var first = max(1, line - above)
        while first > 1, isOnlyComment(first - 1) { first -= 1 }
        return (first...(line + below)).contains {
            comments.content(ofLine: $0).contains(marker)
        }
    }

    private func isOnlyComment(_ line: Int) -> Bool {
        raw.content(ofLine: line).drop { $0 == " " }.hasPrefix("//")
    }
}

/// Splits Swift into code and comments. Knows line and nested block comments, all forms of string
/// literals with interpolation, and names in backticks. It does not know regular expression
/// literals, which this project does not use.
private struct Lexer {
    let input: [UInt8]
    var code: [UInt8]
    var comments: [UInt8]
    var at = 0

    init(_ input: [UInt8]) {
        self.input = input
        code = input.map { $0 == 0x0A ? 0x0A : 0x20 }
        comments = code
    }

    mutating func run() {
        while at < input.count {
            scanCode(inInterpolation: false)
        }
    }

    private func peek(_ distance: Int = 0) -> UInt8 {
        at + distance < input.count ? input[at + distance] : 0
    }

    /// Returns at the end of the file, or behind the parenthesis that ends an interpolation.
    private mutating func scanCode(inInterpolation: Bool) {
        var depth = 0
        while at < input.count {
            let byte = input[at]
            switch byte {
            case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "/"):
                lineComment()
                continue
            case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "*"):
                blockComment()
                continue
            case UInt8(ascii: "\""):
                string(hashes: 0)
                continue
            case UInt8(ascii: "#") where hashesBeforeQuote() > 0:
                string(hashes: hashesBeforeQuote())
                continue
            case UInt8(ascii: "`"):
                backticks()
                continue
            case UInt8(ascii: "("):
                depth += 1
            case UInt8(ascii: ")"):
                depth -= 1
            default:
                break
            }
            at += 1
            if inInterpolation && depth < 0 { return }
            if byte != 0x0A { code[at - 1] = byte }
        }
    }

    private mutating func lineComment() {
        while at < input.count, input[at] != 0x0A {
            comments[at] = input[at]
            at += 1
        }
    }

    private mutating func blockComment() {
        var depth = 0
        repeat {
            if peek() == UInt8(ascii: "/") && peek(1) == UInt8(ascii: "*") {
                depth += 1
                at += 1
            } else if peek() == UInt8(ascii: "*") && peek(1) == UInt8(ascii: "/") {
                depth -= 1
                at += 1
            } else if peek() != 0x0A, at < input.count {
                comments[at] = input[at]
            }
            at += 1
        } while depth > 0 && at < input.count
    }

    private func hashesBeforeQuote() -> Int {
        var count = 0
        while peek(count) == UInt8(ascii: "#") { count += 1 }
        return peek(count) == UInt8(ascii: "\"") ? count : 0
    }

    private mutating func backticks() {
        at += 1
        while at < input.count, input[at] != UInt8(ascii: "`"), input[at] != 0x0A { at += 1 }
        at += 1
    }

    private func isQuote(_ count: Int, hashes: Int) -> Bool {
        (0..<count).allSatisfy { peek($0) == UInt8(ascii: "\"") }
            && (0..<hashes).allSatisfy { peek(count + $0) == UInt8(ascii: "#") }
    }

    private mutating func string(hashes: Int) {
        at += hashes
        let quotes = isQuote(3, hashes: 0) ? 3 : 1
        at += quotes
        while at < input.count {
            if isQuote(quotes, hashes: hashes) {
                at += quotes + hashes
                return
            }
            if quotes == 1, peek() == 0x0A { return }
            guard peek() == UInt8(ascii: "\\"),
                (0..<hashes).allSatisfy({ peek(1 + $0) == UInt8(ascii: "#") })
            else {
                at += 1
                continue
            }
            at += 1 + hashes
            let escaped = peek()
            at += 1
            if escaped == UInt8(ascii: "(") { scanCode(inInterpolation: true) }
        }
    }
}
