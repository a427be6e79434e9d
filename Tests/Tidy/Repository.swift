import Foundation

/// The files that rules look at, read once for all of them.
struct Repository: Sendable {
    /// Every text file of the tree.
    let texts: [Text]
    /// The Swift files of Shared, Services and Tests.
    let swift: [SwiftSource]
    /// Every file and folder, relative to the root.
    let paths: Set<String>

    /// This file lies two folders below the root.
    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static let here = Repository(root)

    /// Folders of tools and builds; nothing in them is ours.
    private static let skipped: Set<String> = [
        ".build", ".git", ".swiftpm", "__pycache__", "node_modules", "scratch",
    ]

    private init(_ root: URL) {
        var paths: Set<String> = []
        var files: [String] = []
        var folders = [""]
        while let folder = folders.popLast() {
            let entries =
                (try? FileManager.default.contentsOfDirectory(
                    at: root.appending(path: folder), includingPropertiesForKeys: [.isDirectoryKey]))
                ?? []  // Ignored: a folder that went away while we walk has no files.
            for entry in entries where !Self.skipped.contains(entry.lastPathComponent) {
                let path =
                    folder.isEmpty
                    ? entry.lastPathComponent : "\(folder)/\(entry.lastPathComponent)"
                paths.insert(path)
                if entry.hasDirectoryPath { folders.append(path) } else { files.append(path) }
            }
        }
        let texts = files.sorted().compactMap { path -> Text? in
            // Ignored: a file that went away while we walk breaks no rule.
            guard let data = try? Data(contentsOf: root.appending(path: path)) else { return nil }
            return data.prefix(8192).contains(0) ? nil : Text(path: path, bytes: [UInt8](data))
        }
        self.texts = texts
        self.paths = paths
        swift = texts.filter { text in
            text.path.hasSuffix(".swift")
                && ["Shared/", "Services/", "Tests/"].contains { text.path.hasPrefix($0) }
        }.map { SwiftSource(path: $0.path, bytes: $0.bytes) }
    }

    /// The text of a file, empty when it does not exist.
    func text(_ path: String) -> Text {
        texts.first { $0.path == path } ?? Text(path: path, "")
    }

    /// Names of the folders directly in `folder`.
    func folders(in folder: String) -> [String] {
        let prefix = folder + "/"
        return paths.filter { path in
            path.hasPrefix(prefix) && !path.dropFirst(prefix.count).contains("/")
                && paths.contains { $0.hasPrefix(path + "/") }
        }.map { String($0.dropFirst(prefix.count)) }.sorted()
    }
}

/// What a rule found, in the form that editors turn into a link.
struct Violation: CustomStringConvertible, Equatable {
    var path: String
    var line: Int?
    var message: String

    var description: String {
        line.map { "\(path):\($0): \(message)" } ?? "\(path): \(message)"
    }
}
