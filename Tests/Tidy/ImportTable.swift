/// Who may import whom, read from the table in docs/architecture.md whose heads are `Module` and
/// `may import`. A row `*` holds for all; a row `*Main` for every module of that ending, with `*` in
/// its second cell standing for the same text.
struct ImportTable {
    private(set) var rows: [String: Set<String>] = [:]

    init(markdown: String) {
        var inTable = false
        for line in markdown.split(separator: "\n", omittingEmptySubsequences: false) {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
                .dropFirst().dropLast().map(Self.plain)
            if cells == ["Module", "may import"] {
                inTable = true
            } else if !line.hasPrefix("|") {
                inTable = false
            } else if inTable, cells.count == 2, !cells[0].hasPrefix("-") {
                let imports = Set(Self.names(cells[1]))
                for module in Self.names(cells[0]) { rows[module, default: []].formUnion(imports) }
            }
        }
    }

    /// Modules that a row names without `*`.
    var modules: Set<String> { Set(rows.keys.filter { !$0.contains("*") }) }

    /// What `module` may import, or nil when no row speaks of it.
    func allowed(_ module: String) -> Set<String>? {
        let common = rows["*"] ?? []
        if let own = rows[module] { return own.union(common) }
        for (pattern, imports) in rows where pattern.hasPrefix("*") && pattern != "*" {
            let ending = pattern.dropFirst()
            guard module.hasSuffix(ending) else { continue }
            let stem = String(module.dropLast(ending.count))
            return Set(imports.map { $0.hasPrefix("*") ? stem + $0.dropFirst() : $0 }).union(common)
        }
        return nil
    }

    private static func plain(_ cell: Substring) -> String {
        String(
            cell.filter { $0 != "`" }.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }

    private static func names(_ cell: String) -> [String] {
        cell.split { $0 == "," || $0 == " " }.map(String.init).filter { $0 != "–" }
    }
}

/// The module of a Swift file, by its folder; tests are "Tests".
func module(ofPath path: String) -> String? {
    let parts = path.split(separator: "/").map(String.init)
    guard parts.count >= 3 else { return nil }
    switch (parts[0], parts[1], parts[2]) {
    case ("Tests", _, _): return "Tests"
    case ("Shared", "C", _): return nil
    case ("Shared", let name, _): return name
    case ("Services", "DevBroker", _): return "DevBrokerMain"
    case ("Services", "Mercatoctl", "Native"): return "NativeServers"
    case ("Services", let name, "Main"): return name + "Main"
    case ("Services", "Mercatoctl", _): return "Mercatoctl"
    case ("Services", let name, _): return name + "Service"
    default: return nil
    }
}

struct Import: Equatable {
    var module: String
    var line: Int
}

/// Every import of a file, whatever access level or attribute stands before it.
func imports(of source: SwiftSource) -> [Import] {
    let before: Set<Substring> = [
        "package", "internal", "private", "fileprivate", "@testable", "@preconcurrency",
        "@_exported",
        "pub" + "lic",
    ]
    let kinds: Set<Substring> = [
        "struct", "class", "enum", "protocol", "typealias", "func", "var", "let",
    ]
    return source.code.words("import").compactMap { offset in
        let number = source.code.line(at: offset)
        var words = source.code.content(ofLine: number).split(separator: " ")[...]
        while let word = words.first, before.contains(word) { words.removeFirst() }
        guard words.first == "import" else { return nil }
        words.removeFirst()
        if let word = words.first, kinds.contains(word) { words.removeFirst() }
        guard let name = words.first?.split(separator: ".").first else { return nil }
        return Import(module: String(name), line: number)
    }
}
