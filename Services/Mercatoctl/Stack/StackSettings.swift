import Foundation
import Glibc
import NativeServers

/// Where the stack lives and on which ports, from the environment (architecture.md §5).
package struct StackSettings: Sendable {
    package enum Broker: Sendable, Equatable {
        /// Somebody else's broker, named in `KAFKA_BOOTSTRAP_SERVERS`.
        case external(String)
        /// An Apache Kafka of ours, from the installation at this folder.
        case kafka(home: String)
        case dev
    }

    package let home: String
    package let binaries: String
    package let ports: StackPorts
    package let broker: Broker
    package let tracing: Tracing
    package let environment: [String: String]

    package init(_ environment: [String: String]) throws(CommandFailure) {
        self.environment = environment
        home = Self.home(environment, isRoot: Account.isRoot)
        binaries = ServiceProcess.binaries(environment)
        ports = try StackPorts(environment)
        broker = try Self.broker(environment)
        tracing = try Tracing.choose(environment)
    }

    package static func home(_ environment: [String: String], isRoot: Bool) -> String {
        if let given = environment["MERCATO_HOME"], !given.isEmpty {
            return URL(fileURLWithPath: given).standardizedFileURL.path
        }
        if isRoot { return "/var/lib/mercato" }
        if let state = environment["XDG_STATE_HOME"], !state.isEmpty { return state + "/mercato" }
        return (environment["HOME"] ?? "/tmp") + "/.local/state/mercato"
    }

    /// `MERCATO_BROKER` forces one of our own; otherwise a given broker wins, then an installed
    /// Apache Kafka, then DevBroker.
    package static func broker(_ environment: [String: String]) throws(CommandFailure) -> Broker {
        func value(_ key: String) -> String? {
            environment[key].flatMap { $0.isEmpty ? nil : $0 }
        }
        switch value("MERCATO_BROKER") {
        case "dev": return .dev
        case "kafka":
            if let servers = value("KAFKA_BOOTSTRAP_SERVERS") { return .external(servers) }
            guard let home = value("KAFKA_HOME") else {
                throw CommandFailure(
                    .missing, "MERCATO_BROKER=kafka needs KAFKA_HOME (the folder of an Apache Kafka) "
                        + "or KAFKA_BOOTSTRAP_SERVERS")
            }
            return .kafka(home: home)
        case .some(let other):
            throw CommandFailure(.usage, "MERCATO_BROKER is dev or kafka, not \"\(other)\"")
        case nil:
            if let servers = value("KAFKA_BOOTSTRAP_SERVERS") { return .external(servers) }
            if let home = value("KAFKA_HOME") { return .kafka(home: home) }
            return .dev
        }
    }

    package var bootstrapServers: String {
        if case .external(let servers) = broker { return servers }
        return "127.0.0.1:\(ports.broker)"
    }

    package func log(_ name: String) -> String { "\(home)/log/\(name).log" }
    package var runFolder: String { home + "/run" }
    package var stackFile: String { runFolder + "/stack.json" }
    package var lockFile: String { runFolder + "/lock" }
    package var publicURL: String { "http://127.0.0.1:\(ports.gateway)" }
    package var adminURL: String { "http://127.0.0.1:\(ports.admin)" }
}
