enum ImportRules {
    /// Each import has to be in the importing module's row. A service importing another service is
    /// named as such, because that is never a row that was forgotten.
    static func table(_ sources: [SwiftSource], _ table: ImportTable) -> [Violation] {
        sources.flatMap { source -> [Violation] in
            guard let module = module(ofPath: source.path), module != "Tests" else { return [] }
            guard let allowed = table.allowed(module) else {
                return [
                    Violation(
                        path: source.path, line: nil,
                        message: "module \(module) has no row in docs/architecture.md")
                ]
            }
            return imports(of: source).filter { !allowed.contains($0.module) }.map {
                Violation(path: source.path, line: $0.line, message: refusal($0.module, in: module))
            }
        }
    }

    private static func refusal(_ imported: String, in module: String) -> String {
        imported.hasSuffix("Service") && module.hasSuffix("Service")
            ? "\(module) imports the service \(imported); services meet in Contracts and over HTTP"
            : "\(module) may not import \(imported) (docs/architecture.md)"
    }

    /// A C module has one importer, so that one module owns what C hands out.
    static func oneImporter(_ sources: [SwiftSource], cModules: [String]) -> [Violation] {
        cModules.flatMap { c -> [Violation] in
            var places: [String: Violation] = [:]
            for source in sources where !source.isTest {
                guard let module = module(ofPath: source.path), places[module] == nil,
                    let found = imports(of: source).first(where: { $0.module == c })
                else { continue }
                places[module] = Violation(
                    path: source.path, line: found.line,
                    message: "\(c) has more than one importer; \(module) is one of them")
            }
            if places.isEmpty {
                return [Violation(path: c, line: nil, message: "no module imports this C module")]
            }
            return places.count == 1 ? [] : places.values.sorted { $0.path < $1.path }
        }
    }

    /// The table speaks of every module of the tree, and of no other.
    static func complete(_ table: ImportTable, modules: Set<String>) -> [Violation] {
        let doc = "docs/architecture.md"
        return table.modules.subtracting(modules).subtracting(["Tests"]).sorted().map {
            Violation(path: doc, line: nil, message: "row \($0) names no module of the tree")
        }
            + modules.filter { table.allowed($0) == nil }.sorted().map {
                Violation(path: doc, line: nil, message: "no row for module \($0)")
            }
    }

    /// What Package.swift lets a module see must not be more than the table does.
    static func manifest(_ manifest: Manifest, _ table: ImportTable) -> [Violation] {
        manifest.dependencies.sorted { $0.key < $1.key }.flatMap { module, dependencies in
            dependencies.subtracting(table.allowed(module) ?? []).sorted().map {
                Violation(
                    path: "Package.swift", line: nil,
                    message: "\(module) depends on \($0), which docs/architecture.md does not allow"
                )
            }
        }
    }
}
