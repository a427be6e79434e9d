import Foundation
package import Sockets

/// Faults by the Docker engine, to the containers of the Compose project. `docker kill` sets restart
/// policies aside, so what was killed stays away until it is started again here.
package struct ComposeBackend: ChaosBackend {
    package let place = PlaceKind.compose
    private let docker: ExternalTool
    private let project: String
    private let admin: AdminAPI
    private let loop: EventLoop

    package init(_ docker: ExternalTool, project: String, admin: AdminAPI, loop: EventLoop) {
        self.docker = docker
        self.project = project
        self.admin = admin
        self.loop = loop
    }

    package func obstacle(to fault: ChaosFault) -> String? {
        switch fault.action {
        case .wipe: "the broker's log is a volume; docker compose down --volumes removes it with the rest"
        case .scaleToZero: "Compose keeps one container of each; restart stops it here"
        case .disconnect where fault.target == .gateway:
            "the gateway's published ports go through its network: the shop and this program would "
                + "be cut off with it"
        case .kill, .pause, .restart, .disconnect, .provider: nil
        }
    }

    package func injector(for fault: ChaosFault) async throws -> any FaultInjector {
        if fault.action == .provider { return ProviderInjector(admin, fault) }
        let service = Self.service(fault.target)
        let text = try await docker.run([
            "ps", "--all", "--no-trunc", "--quiet",
            "--filter", "label=com.docker.compose.project=\(project)",
            "--filter", "label=com.docker.compose.service=\(service)",
        ])
        let identities = text.split(separator: "\n").map(String.init)
        guard !identities.isEmpty else {
            throw CommandFailure(
                .failed, "the Compose project \"\(project)\" has no container of \(service)",
                details: ["docker compose ps --all shows what there is"])
        }
        let containers = try await DockerContainer.inspect(identities, docker)
        guard containers.allSatisfy(\.isUp) else {
            throw CommandFailure(.failed, "\(service) is not running; docker compose ps --all")
        }
        return ComposeInjector(
            docker: docker, loop: loop, service: service, fault: fault, before: containers)
    }

    /// The name in docker-compose.yml.
    static func service(_ target: ChaosTarget) -> String {
        target == .broker ? "kafka" : target.rawValue
    }
}

/// The containers of one service.
struct ComposeInjector: FaultInjector {
    /// From `docker start` until the health check is content.
    static let backWithin = Duration.seconds(60)

    let docker: ExternalTool
    let loop: EventLoop
    let service: String
    let fault: ChaosFault
    /// As they were before the fault.
    let before: [DockerContainer]

    private var identities: [String] { before.map(\.identity) }
    private var names: String { before.map(\.name).joined(separator: ", ") }

    func strike() async throws -> String {
        switch fault.action {
        case .pause:
            try await docker.run(["pause"] + identities)
            return "docker pause \(names)"
        case .restart, .scaleToZero:
            try await docker.run(["stop", "--time", "10"] + identities, limit: .seconds(40))
            return "docker stop \(names)"
        case .disconnect:
            for container in before {
                for network in container.networks {
                    try await docker.run(["network", "disconnect", network.name, container.identity])
                }
            }
            let networks = Set(before.flatMap { $0.networks.map(\.name) }).sorted()
            return "docker network disconnect \(networks.joined(separator: ", ")) \(names)"
        case .kill, .wipe, .provider:
            try await docker.run(["kill"] + identities)
            return "docker kill \(names)"
        }
    }

    func mend() async throws -> String {
        let now = try await DockerContainer.inspect(identities, docker)
        var done: [String] = []
        for (old, container) in zip(before, now) {
            if container.isPaused {
                try await docker.run(["unpause", container.identity])
                done.append("docker unpause \(container.name)")
            }
            for network in old.networks where !container.isIn(network.name) {
                let aliases = network.aliases.flatMap { ["--alias", $0] }
                try await docker.run(
                    ["network", "connect"] + aliases + [network.name, container.identity])
                done.append("docker network connect \(network.name) \(container.name)")
            }
            if !container.isRunning {
                try await docker.run(["start", container.identity])
                done.append("docker start \(container.name)")
            }
        }
        let end = ContinuousClock.now + Self.backWithin
        while try await !DockerContainer.inspect(identities, docker).allSatisfy(\.isHealthy) {
            guard ContinuousClock.now < end else {
                throw CommandFailure(.failed, "\(names) is not healthy again after \(Self.backWithin)")
            }
            try await loop.sleep(for: .milliseconds(300))
        }
        return done.isEmpty ? "\(names) runs" : done.joined(separator: ", ")
    }

    func look() async -> [Sighting] {
        let now: [DockerContainer]
        do {
            now = try await DockerContainer.inspect(identities, docker)
        } catch {
            return [Sighting("docker inspect \(service)", "fails")]
        }
        return now.map { container in
            let proves =
                switch fault.action {
                case .pause: container.isPaused
                case .disconnect: container.networks.isEmpty
                case .kill, .restart, .wipe, .scaleToZero, .provider: !container.isRunning
                }
            return Sighting("docker inspect \(container.name)", container.text, provesFault: proves)
        }
    }
}
