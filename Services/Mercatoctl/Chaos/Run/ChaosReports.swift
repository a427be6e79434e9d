import Foundation
import NativeServers

/// The files that a chaos run leaves: a JSON file and a page for each scenario, and the table.
struct ChaosReports: Sendable {
    let folder: String

    func save(_ result: ChaosResult) throws {
        try Folders.make(folder, mode: 0o755)
        let name = "\(folder)/\(result.scenario.name)"
        try write(try ChaosDocument(result).json, to: name + ".json")
        if case .judged(let verdict) = result {
            let page = ["```"] + ChaosPage(verdict).lines + ["```"]
            try write(page.joined(separator: "\n") + "\n", to: name + ".md")
        }
    }

    func save(_ table: ChaosTable, title: String) throws {
        try Folders.make(folder, mode: 0o755)
        let lines = ["# \(title)", ""] + table.markdown + ["", table.summary]
        try write(lines.joined(separator: "\n") + "\n", to: folder + "/verdicts.md")
    }

    private func write(_ text: String, to path: String) throws {
        do {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        } catch {
            throw CommandFailure(.failed, "the report \(path) cannot be written: \(error)")
        }
    }
}
