import Foundation
import NativeServers
import Support

/// docker-compose.yml as a project of the tests: a name and ports of its own, so that a demo that
/// runs on the same machine is left alone.
struct ComposeProject: Sendable {
    let name: String
    let gatewayURL: String
    private let environment: [String: String]

    /// Images are built before the first start; on two cores that takes minutes.
    static let startLimit = Duration.seconds(1_800)

    /// This file lies two folders below the root.
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    /// - Parameter secrets: another folder of secrets than the demo's.
    init(_ name: String, secrets: String? = nil) throws {
        self.name = "mercato-test-\(name)"
        var values = ProcessInfo.processInfo.environment
        values["COMPOSE_PROJECT_NAME"] = self.name
        // `make clean` removes native data as well: it must find none of this user's.
        values["MERCATO_HOME"] = try ScratchFolder.make("compose")
        values["MERCATO_SECRETS"] = secrets
        let gateway = try FreePort.any()
        values["MERCATO_PORT_GATEWAY"] = String(gateway)
        for key in ["ADMIN", "JAEGER", "PROMETHEUS", "GRAFANA"] {
            values["MERCATO_PORT_\(key)"] = String(try FreePort.any())
        }
        environment = values
        gatewayURL = "http://127.0.0.1:\(gateway)"
    }

    /// `make TARGET` at the root, as a user would.
    func make(_ target: String) async throws -> Command.Outcome {
        try await run("make", ["-C", Self.root, target])
    }

    func compose(_ arguments: String...) async throws -> Command.Outcome {
        try await run("docker", ["compose", "-f", Self.root + "/docker-compose.yml"] + arguments)
    }

    /// `mercatoctl` in a container of the project.
    func control(_ arguments: String...) async throws -> Command.Outcome {
        try await run(
            "docker",
            ["compose", "-f", Self.root + "/docker-compose.yml", "run", "--rm", "-T", "ctl"]
                + arguments)
    }

    /// What the engine has of this project, one name per line: `ps -a`, `network ls`, `volume ls`.
    func things(_ command: String...) async throws -> [String] {
        let outcome = try await run(
            "docker",
            command + [
                "--filter", "label=com.docker.compose.project=\(name)", "--format",
                command[0] == "ps" ? "{{.Names}}" : "{{.Name}}",
            ])
        return outcome.output.split(separator: "\n").map(String.init)
    }

    /// The container itself, without Compose, which would first wait for what it depends on.
    func start(_ service: String) async throws -> Command.Outcome {
        try await run("docker", ["start", "\(name)-\(service)-1"])
    }

    /// A property of a service's container, by `docker inspect`'s template.
    func inspect(_ service: String, _ template: String) async throws -> String {
        try await run("docker", ["inspect", "-f", template, "\(name)-\(service)-1"])
            .output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Runs `body` and leaves nothing of the project behind, whatever happens.
    func whileItLasts(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch {
            _ = try await compose("--profile", "*", "down", "--volumes", "--remove-orphans")
            throw error
        }
        _ = try await compose("--profile", "*", "down", "--volumes", "--remove-orphans")
    }

    private func run(_ program: String, _ arguments: [String]) async throws -> Command.Outcome {
        guard let path = Command.find(program) else {
            throw MissingProgram(description: "\(program) is not on PATH")
        }
        let environment = environment
        return try await Blocking.run {
            try Command.run(path, arguments, environment: environment, limit: Self.startLimit)
        }
    }
}

/// What this way of running needs is not there.
struct MissingProgram: Error, CustomStringConvertible {
    let description: String
}
