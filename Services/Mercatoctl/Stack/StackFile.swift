import Foundation
package import NativeServers

/// `run/stack.json`: which processes the stack consists of. Mode 0600: the commands' environment
/// holds database passwords.
package struct StackFile: Sendable, Codable, Equatable {
    package struct Entry: Sendable, Codable, Equatable {
        package var launch: Launch
        package var process: ProcessIdentity

        package init(launch: Launch, process: ProcessIdentity) {
            self.launch = launch
            self.process = process
        }

        package var name: String { launch.name }
    }

    package static let version = 1

    package var version = StackFile.version
    package var publicURL: String
    package var adminURL: String
    /// Where Jaeger answers, when this stack has one.
    package var jaegerURL: String?
    /// In start order.
    package var entries: [Entry] = []

    package init(publicURL: String, adminURL: String) {
        self.publicURL = publicURL
        self.adminURL = adminURL
    }

    package var running: [Entry] { entries.filter { $0.process.isRunning } }

    package func entry(_ name: String) -> Entry? {
        let wanted = Self.aliases[name] ?? [name]
        return entries.first { wanted.contains($0.name) }
    }

    /// Puts a newly started process in, in place of its predecessor.
    package mutating func record(_ entry: Entry) {
        if let index = entries.firstIndex(where: { $0.name == entry.name }) {
            entries[index] = entry
        } else {
            entries.append(entry)
        }
    }

    private static let aliases: [String: [String]] = [
        "provider": ["payment-provider"], "broker": ["devbroker", "kafka"],
    ]

    /// nil when there is none; an unreadable one is an error, because processes may be behind it.
    package static func load(_ path: String) throws(CommandFailure) -> StackFile? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        do {
            return try JSONDecoder().decode(StackFile.self, from: data)
        } catch {
            throw CommandFailure(
                .failed, "\(path) cannot be read (\(error)); end the processes of the stack "
                    + "yourself, then remove this file")
        }
    }

    package func save(_ path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(self), as: UTF8.self)
        try Folders.writePrivate(text + "\n", to: path)
    }
}
