import Foundation

/// What `docker inspect` says about one container.
package struct DockerContainer: Sendable, Equatable {
    package struct Network: Sendable, Equatable {
        package let name: String
        /// The names under which others find it there.
        package let aliases: [String]
    }

    package let identity: String
    package let name: String
    package let status: String
    /// nil without a health check.
    package let health: String?
    package let exitCode: Int
    package let networks: [Network]

    package var isRunning: Bool { status == "running" || status == "paused" }
    package var isPaused: Bool { status == "paused" }
    package var isUp: Bool { status == "running" }
    package var isHealthy: Bool { isUp && (health == nil || health == "healthy") }
    package func isIn(_ network: String) -> Bool { networks.contains { $0.name == network } }

    /// As a report shows it.
    package var text: String {
        if status == "exited" { return "exited (\(exitCode))" }
        let network = networks.isEmpty ? ", in no network" : ""
        return status + (health.map { ", \($0)" } ?? "") + network
    }

    static func inspect(_ identities: [String], _ docker: ExternalTool)
        async throws(CommandFailure) -> [DockerContainer]
    {
        try parse(try await docker.run(["inspect", "--type", "container"] + identities))
    }

    package static func parse(_ text: String) throws(CommandFailure) -> [DockerContainer] {
        do {
            return try JSONDecoder().decode([Document].self, from: Data(text.utf8)).map(\.container)
        } catch {
            throw CommandFailure(.failed, "docker inspect printed what cannot be read: \(error)")
        }
    }

    private struct Document: Decodable {
        struct Condition: Decodable {
            struct Health: Decodable { let Status: String }
            let Status: String
            let ExitCode: Int
            let Health: Health?
        }
        struct Settings: Decodable {
            struct Network: Decodable { let Aliases: [String]? }
            let Networks: [String: Network]
        }
        let Id: String
        let Name: String
        let State: Condition
        let NetworkSettings: Settings

        /// The engine adds the short id as an alias by itself.
        var container: DockerContainer {
            DockerContainer(
                identity: Id, name: Name.hasPrefix("/") ? String(Name.dropFirst()) : Name,
                status: State.Status, health: State.Health?.Status, exitCode: State.ExitCode,
                networks: NetworkSettings.Networks.sorted { $0.key < $1.key }.map { name, network in
                    Network(
                        name: name,
                        aliases: (network.Aliases ?? []).filter { !Id.hasPrefix($0) })
                })
        }
    }
}
