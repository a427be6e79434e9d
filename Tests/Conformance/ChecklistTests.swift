import Foundation
import HTTP
import HTTPServer
import Testing

/// docs/http.md names a test for each row of the checklist, and the tests it names know the row.
@Suite struct ChecklistTests {
    private struct Row {
        let id: String
        let files: [String]
    }

    private let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// Rows of tables whose first cell is an id; files are the targets of the links in the last.
    private func rows() throws -> [Row] {
        try text("docs/http.md").split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 5, cells[0].wholeMatch(of: /[HU][0-9]+/) != nil else { return nil }
            let files = cells[4].matches(of: /\]\(\.\.\/([^)]+)\)/).map { String($0.1) }
            return Row(id: cells[0], files: files)
        }
    }

    @Test func `each id has exactly one row`() throws {
        let ids = try rows().map(\.id)
        #expect(ids == (1...99).map { "H\($0)" } + (1...6).map { "U\($0)" })
    }

    @Test func `each row's tests carry its id`() throws {
        for row in try rows() {
            #expect(!row.files.isEmpty, "\(row.id) names no test")
            for file in row.files {
                #expect(Self.ids(in: try text(file)).contains(row.id), "\(file) does not know \(row.id)")
            }
        }
    }

    /// The other way round: what the tests of this folder claim to test has a row that names them.
    @Test func `each id that a test here carries leads back to it`() throws {
        let rows = try rows()
        let folder = "Tests/Conformance"
        let tables = try FileManager.default.contentsOfDirectory(atPath: root.path + "/\(folder)/Cases")
            .filter { $0 != "Case.swift" }.map { "\(folder)/Cases/\($0)" }
        for file in tables {
            for id in Self.claims(in: try text(file)) {
                let row = try #require(rows.first { $0.id == id })
                #expect(row.files.contains(file), "\(file) tests \(id), and docs/http.md does not say so")
            }
        }
    }

    /// A limit that no test sets is one that nobody has seen at work; README tables name them all, too.
    @Test func `each limit of the server and the parsers is set by a test, and described`() throws {
        let folders = ["Tests/Conformance", "Tests/HTTPServerTests", "Tests/HTTPTests"]
        let tests = try folders.flatMap { folder in
            try FileManager.default.contentsOfDirectory(atPath: root.path + "/\(folder)")
                .filter { $0.hasSuffix(".swift") }.map { try text("\(folder)/\($0)") }
        }
        let server = try text("Shared/HTTPServer/README.md")
        for limit in Mirror(reflecting: ServerLimits()).children.compactMap(\.label) {
            #expect(tests.contains { $0.contains("\(limit) = ") }, "no test sets \(limit)")
            #expect(server.contains("`\(limit)`"), "the README of HTTPServer does not know \(limit)")
        }
        for limit in Mirror(reflecting: HTTPLimits()).children.compactMap(\.label) {
            #expect(tests.contains { $0.contains("\(limit) = ") }, "no test sets \(limit)")
        }
    }

    /// Every id in a text; `H56-H61` stands for all between.
    private static func ids(in text: String) -> Set<String> {
        var ids = Set(text.matches(of: /\b[HU][0-9]{1,2}\b/).map { String($0.0) })
        for range in text.matches(of: /\bH([0-9]{1,2})[-–]H([0-9]{1,2})\b/) {
            guard let first = Int(range.1), let last = Int(range.2), first <= last else { continue }
            ids.formUnion((first...last).map { "H\($0)" })
        }
        return ids
    }

    /// Ids in the place of a case's id.
    private static func claims(in text: String) -> Set<String> {
        Set(text.matches(of: /\(\s*"(H[0-9]{1,2})"/).map { String($0.1) })
    }
}
