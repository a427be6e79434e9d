import Foundation

/// The corpora of other projects, where somebody has put them on this machine. Nothing of them is
/// copied here: tests that find none say so, and check what is ours.
package enum Corpora {
    /// The folder that holds `llhttp`, `h11` and others.
    package static let variable = "MERCATO_HTTP_CORPORA"

    /// Nil when the environment names none.
    package static var folder: String? {
        ProcessInfo.processInfo.environment[variable].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// llhttp's cases of a folder (`request` or `response`) and one type; nil without corpora.
    ///
    /// - Throws: when the environment names a folder that cannot be read: a corpus that was asked
    ///   for and is missing is a failure, not a skip.
    package static func llhttp(_ kind: String, type: String) throws -> [LlhttpCase]? {
        guard let folder else { return nil }
        let path = "\(folder)/llhttp/\(kind)"
        return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
            .filter { $0.hasSuffix(".md") }
            .flatMap { name in
                LlhttpCorpus.cases(
                    in: try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8),
                    named: "\(kind)/\(name)")
            }
            .filter { $0.type == type }
    }

    /// llhttp's cases of URLs, as they stand in a request line; nil without corpora.
    package static func llhttpURLs() throws -> [LlhttpCase]? {
        guard let folder else { return nil }
        return LlhttpCorpus.cases(
            in: try String(contentsOfFile: "\(folder)/llhttp/url.md", encoding: .utf8),
            named: "url.md")
    }
}

/// Where we and a corpus differ on purpose: the table of `disagreements.md`.
package struct Disagreements: Sendable {
    /// Identifiers of cases, as in the first column.
    package let cases: Set<String>

    /// The rows of one corpus, for example `llhttp`: `` | `llhttp response/sample.md: RTSP` | … | ``.
    package static func load(_ corpus: String) throws -> Disagreements {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "disagreements.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        let prefix = "| `\(corpus) "
        return Disagreements(
            cases: Set(
                text.split(separator: "\n").filter { $0.hasPrefix(prefix) }.compactMap {
                    $0.dropFirst(prefix.count).split(separator: "` |").first.map(String.init)
                }))
    }
}
