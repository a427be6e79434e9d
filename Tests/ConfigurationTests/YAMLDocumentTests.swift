import Basics
import Foundation
import Testing

@testable import Configuration

@Suite(.timeLimit(.minutes(1))) struct YAMLDocumentTests {
    private func refusal(_ text: String) -> YAMLError? {
        #expect(throws: YAMLError.self) { try YAMLDocument.parse(text, name: "f.yaml") }
    }

    @Test func `nodes carry their text, their quotes and their line`() throws {
        let node = try YAMLDocument.parse(
            """
            # a comment
            limits:
              - id: "per-ip"
                burst: 10
            empty:
            """, name: "f.yaml")
        guard case .mapping(let pairs, let mark) = node else {
            Issue.record("not a mapping")
            return
        }
        #expect(mark == YAMLMark(line: 2, column: 1))
        #expect(pairs.map(\.key) == ["limits", "empty"])
        #expect(pairs[1].keyMark.line == 5)
        #expect(pairs[1].value.isNull)
        guard case .sequence(let limits, _) = pairs[0].value, case .mapping(let limit, _) = limits[0],
            case .scalar(let id, quoted: true, _) = limit[0].value,
            case .scalar("10", quoted: false, let burst) = limit[1].value
        else {
            Issue.record("other nodes: \(node)")
            return
        }
        #expect(id == "per-ip")
        #expect(burst == YAMLMark(line: 4, column: 12))
    }

    @Test(arguments: [
        ("a: &x 1\nb: 2", 1, YAMLError.Code.unsupported), ("a: 1\nb: *a", 2, .unsupported),
        ("a: !!int 1", 1, .unsupported), ("a:\n  - !x {}", 2, .unsupported),
        ("a: 1\nb: 2\na: 3", 3, .duplicateKey), ("a: 1\n---\nb: 2", 2, .unsupported),
        ("%YAML 1.1\n---\na: 1", 1, .unsupported), ("a: 1\n b: 2", 2, .syntax),
        ("a: [1, 2", 1, .syntax), ("? [a, b]\n: 1", 1, .unsupported), ("", 1, .missing),
        ("# only words", 1, .missing), ("a: \"\\q\"", 1, .syntax), ("a:\tb: c", 1, .syntax),
        ("a: 1\nb: \u{7}", 2, .syntax),
    ])
    func `what is not accepted is refused by its line`(
        text: String, line: Int, code: YAMLError.Code
    ) {
        let error = refusal(text)
        #expect(error?.code == code, "\(text): \(error?.description ?? "")")
        #expect((line...line + 1).contains(error?.line ?? 0), "\(text): \(error?.description ?? "")")
        #expect(error?.description.hasPrefix("f.yaml:") == true)
    }

    @Test func `size, depth and number of nodes are limited`() throws {
        #expect(refusal(String(repeating: "#", count: YAMLDocument.sizeMax + 1))?.code == .limit)
        let deep = { String(repeating: "[", count: $0) + String(repeating: "]", count: $0) }
        #expect(refusal(deep(YAMLDocument.depthMax + 2))?.code == .limit)
        _ = try YAMLDocument.parse(deep(YAMLDocument.depthMax), name: "f.yaml")
        // Far beyond any limit of ours: libyaml itself must be stopped in time.
        #expect(refusal(String(repeating: "[", count: 100_000))?.code == .limit)
        #expect(refusal(String(repeating: "- ", count: 100_000))?.code == .limit)
        let many = String(repeating: "- 1\n", count: YAMLDocument.nodesMax)
        #expect(refusal(many)?.code == .limit)
    }

    @Test func `no bytes at all make it trap, and every answer is a node or an error`() {
        // Fixed seeds: a failure can be repeated.
        for seed in 0..<6_000 as Range<UInt64> {
            let random = RandomSource.seeded(seed)
            let pieces = [
                "a", ": ", "- ", "\n", "  ", "[", "]", "{", "}", ",", "\"", "'", "|", ">", "&", "*",
                "!", "%", "?", "#", "\\", "---", "...", "\t", "\u{feff}", "é", "\u{0}", "1", "\r",
            ]
            var text = ""
            for _ in 0..<Int(random.next() % 60) {
                if random.next() % 8 == 0 {
                    let bytes = (0..<4).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                    text += String(decoding: bytes, as: UTF8.self)
                } else {
                    text += pieces[Int(random.next() % UInt64(pieces.count))]
                }
            }
            do {
                _ = try YAMLDocument.parse(text, name: "f.yaml")
            } catch {
                #expect(!error.message.isEmpty && !error.message.contains("\n"))
            }
        }
    }

    @Test func `half of a good file is a node or an error, wherever it is cut`() {
        let good = "limits:\n  - {id: a, burst: 10}\n  - id: \"b\\n\"\n    text: |\n      x\n      y\n"
        for length in 0...good.count {
            do {
                _ = try YAMLDocument.parse(String(good.prefix(length)), name: "f.yaml")
            } catch {
                #expect(error.line >= 0)
            }
        }
    }

    @Test func `a file is read by its path and named by its last part`() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "y-\(UniqueID.v7()).yaml")
        defer { try? FileManager.default.removeItem(at: file) }  // Ignored: scratch file.
        try Data("a: 1\nb".utf8).write(to: file)
        let broken = #expect(throws: YAMLError.self) { try YAMLDocument.load(path: file.path) }
        #expect(broken?.name == file.lastPathComponent)
        try Data([0x61, 0x3a, 0xff]).write(to: file)
        let bytes = #expect(throws: YAMLError.self) { try YAMLDocument.load(path: file.path) }
        #expect(bytes?.description == "\(file.path): is not UTF-8")
        let absent = #expect(throws: YAMLError.self) { try YAMLDocument.load(path: "/nonexistent/p") }
        #expect(absent?.description == "/nonexistent/p: cannot be read")
    }
}
