import Configuration
import Foundation

/// The scenario files of a folder.
package struct ScenarioFolder: Sendable {
    /// Where they are in the repository.
    package static let standard = "deploy/chaos"

    private let path: String

    /// - Parameter given: another folder; nil: `deploy/chaos` here, or of the repository whose build
    ///   this program is.
    package init(_ given: String?, binaries: String) throws(CommandFailure) {
        var candidates = [Self.standard]
        // .build/release/mercatoctl, or .build/<triple>/release/mercatoctl.
        for up in ["/../..", "/../../.."] {
            candidates.append(
                URL(fileURLWithPath: binaries + up + "/" + Self.standard).standardizedFileURL.path)
        }
        if let given { candidates = [given] }
        guard let path = candidates.first(where: Self.isFolder) else {
            throw CommandFailure(
                .usage, given.map { "there is no folder \($0)" }
                    ?? "there is no folder \(Self.standard) here",
                details: ["name it: --scenarios FOLDER"])
        }
        self.path = path
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder = ObjCBool(false)
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            && isFolder.boolValue
    }

    /// All of them, by name.
    ///
    /// - Throws: `CommandFailure` with every mistake of every file.
    package func all() throws(CommandFailure) -> [ChaosScenario] {
        let files: [String]
        do {
            files = try FileManager.default.contentsOfDirectory(atPath: path)
                .filter { $0.hasSuffix(".yaml") }.sorted()
        } catch {
            throw CommandFailure(.usage, "the folder \(path) cannot be read: \(error)")
        }
        var scenarios: [ChaosScenario] = []
        var mistakes: [String] = []
        for file in files {
            do throws(YAMLError) {
                scenarios.append(try ScenarioReader.load(path: path + "/" + file))
            } catch {
                mistakes.append(error.description)
            }
        }
        let twice = Dictionary(grouping: scenarios, by: \.name).filter { $0.value.count > 1 }.keys
        mistakes += twice.sorted().map { "two files have the name \($0)" }
        guard mistakes.isEmpty else { throw Self.refused(mistakes) }
        guard !scenarios.isEmpty else {
            throw CommandFailure(.usage, "there is no scenario (*.yaml) in \(path)")
        }
        return scenarios
    }

    /// Those that were asked for, in that order: names, or paths of files.
    package func chosen(_ names: [String]) throws(CommandFailure) -> [ChaosScenario] {
        guard !names.isEmpty else { return try all() }
        var known: [ChaosScenario]?
        var chosen: [ChaosScenario] = []
        for name in names {
            if name.hasSuffix(".yaml") || name.contains("/") {
                do throws(YAMLError) {
                    chosen.append(try ScenarioReader.load(path: name))
                } catch {
                    throw Self.refused([error.description])
                }
                continue
            }
            if known == nil { known = try all() }
            let scenarios = known ?? []
            guard let scenario = scenarios.first(where: { $0.name == name }) else {
                throw CommandFailure(
                    .usage, "there is no scenario \"\(name)\"",
                    details: ["there are: " + scenarios.map(\.name).joined(separator: ", ")])
            }
            chosen.append(scenario)
        }
        return chosen
    }

    private static func refused(_ mistakes: [String]) -> CommandFailure {
        CommandFailure(
            .usage, mistakes[0], details: Array(mistakes.dropFirst()))
    }
}
