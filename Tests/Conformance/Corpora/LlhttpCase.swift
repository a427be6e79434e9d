/// One case of llhttp's corpus: bytes for a parser, and what llhttp says about them.
///
/// The corpus is a folder of Markdown files. A case is a heading, a comment with its kind
/// (`meta={"type": "response"}`), a fence `http` with the bytes, and a fence `log` with llhttp's
/// callbacks. Strict readings have the types `request` and `response`; everything `…-lenient-…`
/// switches a check off and is of no use to a strict parser.
package struct LlhttpCase: Sendable {
    /// For example `response/sample.md`.
    package let file: String
    /// Of the heading, from 1.
    package let line: Int
    package let name: String
    /// For example `request`, `response-finish`, `request-lenient-headers`.
    package let type: String
    /// The parser is told that no body follows, as after HEAD.
    package let skipsBody: Bool
    package let input: [UInt8]
    package let log: LlhttpLog

    /// Names the case in test output and in `disagreements.md`: file and heading, without backticks.
    package var id: String { "\(file): \(name.filter { $0 != "`" })" }
}

/// Reads the Markdown files of the corpus.
package enum LlhttpCorpus {
    /// All cases of a file. `name` is what cases call it, `text` its content.
    package static func cases(in text: String, named name: String) -> [LlhttpCase] {
        var cases: [LlhttpCase] = []
        var heading = (name: "", line: 0)
        var meta = ""
        var fence: (kind: String, lines: [Substring])?
        var input: [UInt8]?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            if let open = fence {
                guard line == "```" else {
                    fence?.lines.append(line)
                    continue
                }
                fence = nil
                if open.kind == "http" || open.kind == "url" {
                    input = bytes(of: open.lines.joined(separator: "\n"))
                } else if open.kind == "log", let given = input {
                    input = nil
                    cases.append(
                        LlhttpCase(
                            file: name, line: heading.line, name: heading.name,
                            type: value(of: "type", in: meta),
                            skipsBody: meta.contains("\"skipBody\": true"), input: given,
                            log: LlhttpLog(open.lines, of: given)))
                }
            } else if line.hasPrefix("```") {
                fence = (String(line.dropFirst(3)), [])
            } else if line.hasPrefix("#") {
                heading = (String(line.drop { $0 == "#" }.drop { $0 == " " }), index + 1)
            } else if line.hasPrefix("<!-- meta=") {
                meta = String(line)
            }
        }
        return cases
    }

    /// The text behind `"key": "`, up to the next quote.
    private static func value(of key: String, in meta: String) -> String {
        guard let found = meta.split(separator: "\"\(key)\":", maxSplits: 1).dropFirst().first
        else { return "" }
        return found.split(separator: "\"", omittingEmptySubsequences: false).dropFirst().first
            .map(String.init) ?? ""
    }

    /// A fence's bytes: lines end with CRLF, unless a backslash hides their end; `\r`, `\n`, `\t`,
    /// `\f`, `\xHH` and `\OOO` are one character each, written as UTF-8.
    static func bytes(of text: String) -> [UInt8] {
        var result = String.UnicodeScalarView()
        var rest = Substring(text).unicodeScalars
        while let scalar = rest.popFirst() {
            if scalar == "\n" {
                result.append("\r")
                result.append("\n")
            } else if scalar == "\\" {
                unescape(&rest, into: &result)
            } else {
                result.append(scalar)
            }
        }
        return Array(String(result).utf8)
    }

    private static let letters: [Unicode.Scalar: Unicode.Scalar] = [
        "r": "\r", "n": "\n", "t": "\t", "f": "\u{0c}",
    ]

    private static func unescape(
        _ rest: inout Substring.UnicodeScalarView, into result: inout String.UnicodeScalarView
    ) {
        guard let next = rest.first else { return result.append("\\") }
        if next == "\n" {
            rest.removeFirst()
        } else if let letter = letters[next] {
            rest.removeFirst()
            result.append(letter)
        } else if next == "x", let number = number(rest.dropFirst(), radix: 16, digitsMax: 8) {
            rest.removeFirst(1 + number.digits)
            result.append(number.scalar)
        } else if let number = number(rest, radix: 8, digitsMax: 3) {
            rest.removeFirst(number.digits)
            result.append(number.scalar)
        } else {
            result.append("\\")
        }
    }

    private static func number(
        _ text: Substring.UnicodeScalarView, radix: UInt32, digitsMax: Int
    ) -> (scalar: Unicode.Scalar, digits: Int)? {
        let digits = text.prefix(digitsMax).prefix {
            Character($0).hexDigitValue.map { $0 < radix } ?? false
        }
        guard !digits.isEmpty, let value = UInt32(String(digits), radix: Int(radix)),
            let scalar = Unicode.Scalar(value)
        else { return nil }
        return (scalar, digits.count)
    }
}
