import Testing

/// The rules of CONTRIBUTING.md that a machine can check, applied to this repository. Each test
/// prints `path:line: what` for everything it found. `RuleTests` shows that each rule can fail.
@Suite struct TidyTests {
    private let repository = Repository.here

    private var table: ImportTable {
        ImportTable(
            markdown: String(decoding: repository.text("docs/architecture.md").bytes, as: UTF8.self)
        )
    }

    private func fixture(_ name: String) -> String {
        String(decoding: repository.text("Tests/Fixtures/tidy/\(name)").bytes, as: UTF8.self)
    }

    /// Folders of C code; `FixedPort` is DevBroker's own.
    private var cModules: [String] { repository.folders(in: "Shared/C") + ["FixedPort"] }

    private var modules: Set<String> {
        Set(repository.swift.compactMap { module(ofPath: $0.path) }).subtracting(["Tests"])
    }

    private func expectNone(
        _ violations: [Violation], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        guard !violations.isEmpty else { return }
        let lines = violations.map { "\n\($0)" }.joined()
        Issue.record("\(violations.count) found:\(lines)", sourceLocation: sourceLocation)
    }

    @Test func `the tree is found and read`() {
        #expect(repository.paths.contains("Package.swift"))
        #expect(repository.swift.count > 100)
        #expect(modules.contains("Basics"))
    }

    @Test func `every import is in the table of docs/architecture`() {
        expectNone(ImportRules.table(repository.swift, table))
    }

    @Test func `the table speaks of every module`() {
        expectNone(ImportRules.complete(table, modules: modules))
    }

    @Test func `the manifest allows no more than the table`() {
        let manifest = Manifest(
            String(decoding: repository.text("Package.swift").bytes, as: UTF8.self))
        #expect(manifest.dependencies.count > 20)
        expectNone(ImportRules.manifest(manifest, table))
    }

    @Test func `each C module has exactly one importer`() {
        expectNone(ImportRules.oneImporter(repository.swift, cModules: cModules))
    }

    @Test func `no banned words`() {
        expectNone(TokenRules.check(repository.swift))
    }

    @Test func `no notes to oneself`() {
        expectNone(TokenRules.notes(repository.texts))
    }

    @Test func `what is unchecked or dropped has a reason`() {
        expectNone(ReasonRules.check(repository.swift))
    }

    @Test func `files and functions stay small`() {
        let ratchet = SizeRules.ratchet(fixture("size-ratchet.txt"))
        expectNone(
            SizeRules.check(repository.swift, ratchet)
                + SizeRules.stale(ratchet, paths: repository.paths))
    }

    @Test func `what modules share is documented`() {
        expectNone(
            DocumentationRules.check(
                repository.swift, DocumentationRules.baseline(fixture("undocumented.txt"))))
    }

    @Test func `every module folder has a README`() {
        let folders =
            repository.folders(in: "Shared").filter { $0 != "C" }.map { "Shared/\($0)" }
            + repository.folders(in: "Services").map { "Services/\($0)" }
        #expect(folders.count > 20)
        expectNone(TreeRules.readmes(folders: folders, paths: repository.paths))
    }

    @Test func `every migration is embedded`() {
        expectNone(TreeRules.migrations(paths: repository.paths, repository.swift))
    }

    @Test func `nothing names one machine or network`() {
        expectNone(TreeRules.machines(repository.texts))
    }

    @Test func `every relative link leads to a file`() {
        expectNone(TreeRules.links(repository.texts, paths: repository.paths))
    }
}
