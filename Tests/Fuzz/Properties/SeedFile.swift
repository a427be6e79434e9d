import Foundation

/// Inputs to begin with, each with what is expected of it: one line `ids | verdict | bytes`, where
/// bytes are text with `\r \n \t \0 \\ \xHH` and `\{COUNT:text}` for a repetition, which may hold others. Lines that begin
/// with `#` are comments. See `FuzzTarget.verdict(on:)` for the words.
package struct SeedFile: Sendable {
    package struct Seed: Sendable, CustomStringConvertible {
        package let line: Int
        /// Rows of the HTTP checklist, or what it is about.
        package let name: String
        package let verdict: String
        package let bytes: [UInt8]

        package var description: String { "line \(line): \(name)" }
    }

    /// A line that is none.
    package struct Mistake: Error, CustomStringConvertible {
        package let description: String
    }

    package let seeds: [Seed]

    /// The project's own seeds: `Tests/Fixtures/HTTP/<target>.seeds`.
    package init(of target: FuzzTarget) throws {
        let tests = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let file = tests.appending(path: "Fixtures/HTTP/\(target.rawValue).seeds")
        try self.init(text: String(contentsOf: file, encoding: .utf8))
    }

    package init(text: String) throws {
        var seeds: [Seed] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        where !line.isEmpty && !line.hasPrefix("#") {
            let parts = line.split(separator: " | ", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else {
                throw Mistake(description: "line \(index + 1) is not `ids | verdict | bytes`")
            }
            guard let bytes = Escapes.bytes(parts[2]) else {
                throw Mistake(description: "line \(index + 1) has a broken escape")
            }
            seeds.append(
                Seed(
                    line: index + 1, name: String(parts[0]), verdict: String(parts[1]),
                    bytes: bytes))
        }
        self.seeds = seeds
    }
}

/// Bytes as readable text and back.
package enum Escapes {
    /// Nil when an escape is broken.
    package static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        var rest = Array(text.utf8)[...]
        var result: [UInt8] = []
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                result.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "r"): result.append(13)
            case UInt8(ascii: "n"): result.append(10)
            case UInt8(ascii: "t"): result.append(9)
            case UInt8(ascii: "0"): result.append(0)
            case UInt8(ascii: "\\"): result.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "x"):
                guard let value = UInt8(string(rest.prefix(2)), radix: 16), rest.count >= 2 else {
                    return nil
                }
                rest = rest.dropFirst(2)
                result.append(value)
            case UInt8(ascii: "{"):
                guard let piece = repetition(&rest) else { return nil }
                result += piece
            default: return nil
            }
        }
        return result
    }

    /// `COUNT:text}`
    private static func repetition(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        guard let end = closingBrace(rest) else { return nil }
        let parts = rest[..<end].split(separator: UInt8(ascii: ":"), maxSplits: 1)
        guard parts.count == 2, let count = Int(string(parts[0])), (0...4_000_000).contains(count),
            let piece = bytes(string(parts[1]))
        else { return nil }
        rest = rest[(end + 1)...]
        return (0..<count).flatMap { _ in piece }
    }

    /// Repetitions nest: `\{2:a\{3:b}}` is `abbbabbb`.
    private static func closingBrace(_ text: ArraySlice<UInt8>) -> Int? {
        var depth = 0
        var isEscaped = false
        for (index, byte) in zip(text.indices, text) {
            if isEscaped {
                if byte == UInt8(ascii: "{") { depth += 1 }
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "}") {
                if depth == 0 { return index }
                depth -= 1
            }
        }
        return nil
    }

    /// The text that gives these bytes.
    package static func text(of bytes: [UInt8]) -> String {
        bytes.map { byte in
            switch byte {
            case 13: "\\r"
            case 10: "\\n"
            case 9: "\\t"
            case 0: "\\0"
            case UInt8(ascii: "\\"): "\\\\"
            case 0x21...0x7e: String(UnicodeScalar(byte))
            // Blanks at either end would be lost on the way through editors.
            case 0x20: " "
            default: "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }.joined()
    }

    private static func string(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes, as: UTF8.self)
    }
}
