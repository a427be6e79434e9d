import Basics
import Foundation
import NativeServers

/// The Compose project as `docker ps` shows it: published ports and the project's folder are read
/// from the running containers, so that changed ports and another folder need no flag.
struct ComposePlace: Sendable {
    let project: String
    private let containers: [Container]
    private let environment: [String: String]

    struct Container: Sendable, Equatable {
        let service: String
        /// As docker prints it: `127.0.0.1:8080->8080/tcp, 9000/tcp`.
        let ports: String
        /// Where docker-compose.yml is.
        let folder: String
    }

    static func project(_ environment: [String: String]) -> String {
        environment["COMPOSE_PROJECT_NAME"].flatMap { $0.isEmpty ? nil : $0 } ?? "mercato"
    }

    /// The running containers of the project; none is an answer.
    static func find(_ docker: ExternalTool, _ environment: [String: String])
        async throws(CommandFailure) -> ComposePlace
    {
        let project = project(environment)
        let label = "com.docker.compose"
        let format = "{{.Label \"\(label).service\"}}\t{{.Label \"\(label).project.working_dir\"}}\t{{.Ports}}"
        let text = try await docker.run(
            ["ps", "--filter", "label=\(label).project=\(project)", "--format", format])
        return ComposePlace(project: project, containers: parse(text), environment: environment)
    }

    static func parse(_ text: String) -> [Container] {
        text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3, !parts[0].isEmpty else { return nil }
            return Container(service: parts[0], ports: parts[2], folder: parts[1])
        }
    }

    var isRunning: Bool { !containers.isEmpty }

    /// `http://127.0.0.1:<published>` of a container's port. A stopped container publishes nothing:
    /// then the key, the project's `.env`, or the default has to do.
    func url(_ service: String, port: Int, key: String) -> String? {
        let mine = containers.first { $0.service == service }
        if let published = mine.flatMap({ Self.published($0.ports, port) }) {
            return "http://127.0.0.1:\(published)"
        }
        guard mine != nil || service == "gateway" else { return nil }
        let text = environment[key].flatMap { $0.isEmpty ? nil : $0 } ?? settings[key]
        return "http://127.0.0.1:\(text.flatMap { Int($0) } ?? port)"
    }

    static func published(_ ports: String, _ port: Int) -> Int? {
        for entry in ports.split(separator: ",") {
            let sides = entry.trimmingCharacters(in: .whitespaces).components(separatedBy: "->")
            guard sides.count == 2, sides[1] == "\(port)/tcp", let last = sides[0].split(separator: ":").last
            else { continue }
            return Int(last)
        }
        return nil
    }

    private var folder: String? { containers.first { !$0.folder.isEmpty }?.folder }

    /// The project's `.env`: `KEY=value` lines.
    private var settings: [String: String] {
        guard let folder, let text = Folders.text(of: folder + "/.env") else { return [:] }
        var result: [String: String] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            let value = line[line.index(after: equals)...]
            result[line[..<equals].trimmingCharacters(in: .whitespaces)] =
                value.trimmingCharacters(in: CharacterSet(charactersIn: " \r\"'"))
        }
        return result
    }

    /// The token that the compose file mounts into the gateway.
    var tokenFile: String? {
        guard let folder else { return nil }
        let key = "MERCATO_SECRETS"
        let named = environment[key].flatMap { $0.isEmpty ? nil : $0 } ?? settings[key]
        let secrets = named ?? "deploy/docker/secrets"
        let path = (secrets.hasPrefix("/") ? secrets : folder + "/" + secrets) + "/admin_token"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }

    var notRunning: CommandFailure {
        CommandFailure(
            .failed, "no container of the Compose project \"\(project)\" runs",
            details: ["start it: make up, or: docker compose up -d --wait"])
    }
}
