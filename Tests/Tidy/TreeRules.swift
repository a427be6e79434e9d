/// Rules about files rather than about what a Swift file says.
enum TreeRules {
    static func readmes(folders: [String], paths: Set<String>) -> [Violation] {
        folders.filter { !paths.contains("\($0)/README.md") }.map {
            Violation(path: $0, line: nil, message: "no README.md")
        }
    }

    /// A migration that nobody embeds would never run.
    static func migrations(paths: Set<String>, _ sources: [SwiftSource]) -> [Violation] {
        paths.filter { $0.contains("/Migrations/") && $0.hasSuffix(".sql") }.sorted().filter {
            path in
            let file = path.split(separator: "/").last.map(String.init) ?? path
            let resource = file.split(separator: ".").joined(separator: "_")
            return !sources.contains { !$0.raw.words(resource).isEmpty }
        }.map { Violation(path: $0, line: nil, message: "no Swift file embeds this migration") }
    }

    /// Paths of one machine and names of one network have no place in a repository. Spelled in
    /// pieces, so this file has none of them.
    static let foreign: [(token: String, what: String)] = [
        ("/wo" + "rk/", "a path of one machine"), ("/opt/sw" + "ift", "a path of one machine"),
        ("/tm" + "p/m/", "a path of one machine"), ("/ho" + "me/", "a path of one machine"),
        ("/ro" + "ot/", "a path of one machine"), ("/fa" + "rm/", "a path of one machine"),
        ("/Us" + "ers/", "a path of one machine"), ("file" + ":///", "a path of one machine"),
        ("arti" + "factory", "a registry's host"), ("jf" + "rog", "a registry's host"),
        ("//10" + ".", "an address of one network"),
        ("//192" + ".168.", "an address of one network"),
        ("/sha" + "red/design", "a path outside the repository"),
    ]

    static func machines(_ texts: [Text]) -> [Violation] {
        texts.filter { $0.path != "LICENSE" }.flatMap { text in
            foreign.flatMap { token, what in
                text.occurrences(of: token).map {
                    Violation(
                        path: text.path, line: text.line(at: $0), message: "`\(token)` is \(what)")
                }
            }
        }
    }

    /// Every relative link of a Markdown file leads to something.
    static func links(_ texts: [Text], paths: Set<String>) -> [Violation] {
        texts.filter { $0.path.hasSuffix(".md") }.flatMap { text in
            targets(text).compactMap { offset, target -> Violation? in
                guard !target.contains("://"), !target.hasPrefix("mailto:"), !target.hasPrefix("#")
                else { return nil }
                let file = target.split(separator: "#", omittingEmptySubsequences: false)[0]
                guard let path = resolve(String(file), from: text.path) else {
                    return Violation(
                        path: text.path, line: text.line(at: offset),
                        message: "\(target) leaves the repository")
                }
                guard !path.isEmpty, !paths.contains(path) else { return nil }
                return Violation(
                    path: text.path, line: text.line(at: offset),
                    message: "\(target) does not exist")
            }
        }
    }

    /// What stands between `](` and the next `)` or space, outside of fenced code.
    private static func targets(_ text: Text) -> [(Int, String)] {
        let fences = text.occurrences(of: "```")
        return text.occurrences(of: "](").compactMap { offset in
            guard fences.filter({ $0 < offset }).count % 2 == 0 else { return nil }
            var end = offset + 2
            while text.byte(end) != UInt8(ascii: ")"), !isSpace(text.byte(end)), text.byte(end) != 0
            {
                end += 1
            }
            return (offset, text.string((offset + 2)..<end))
        }
    }

    /// The target's path from the root, or nil when it would climb out of the repository.
    private static func resolve(_ target: String, from source: String) -> String? {
        var parts =
            target.hasPrefix("/") ? [] : source.split(separator: "/").dropLast().map(String.init)
        for part in target.split(separator: "/") where part != "." {
            guard part == ".." else {
                parts.append(String(part))
                continue
            }
            guard parts.popLast() != nil else { return nil }
        }
        return parts.joined(separator: "/")
    }
}
