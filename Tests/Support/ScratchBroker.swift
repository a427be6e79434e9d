import Foundation
import NativeServers

/// A broker of one test process: DevBroker, or Apache Kafka from `KAFKA_HOME`.
package final class ScratchBroker: Sendable {
    package enum Kind: Sendable { case dev, kafka }

    package let kind: Kind
    package let port: Int
    private let child: ProcessBox

    package var bootstrapServers: String { "127.0.0.1:\(port)" }

    /// Where Apache Kafka is, nil when tests of it must be skipped.
    package static var kafkaHome: String? {
        let home = ProcessInfo.processInfo.environment["KAFKA_HOME"] ?? ""
        return home.isEmpty ? nil : home
    }

    private init(kind: Kind, port: Int, child: ChildProcess) {
        self.kind = kind
        self.port = port
        self.child = ProcessBox(child)
    }

    /// Starts a broker of its own. DevBroker has the platform's topics; on Apache Kafka the test
    /// makes those it needs (automatic creation is off).
    package static func start(_ kind: Kind = .dev) async throws -> ScratchBroker {
        try await Blocking.run {
            let folder = try ScratchFolder.make("broker")
            let port = try FreePort.any()
            let launch =
                switch kind {
                case .dev: try devBroker(port: port, folder: folder)
                case .kafka: try kafka(port: port, folder: folder)
                }
            return ScratchBroker(kind: kind, port: port, child: try begin(launch))
        }
    }

    /// kill -9.
    package func kill() async throws {
        let child = child.current
        try await Blocking.run { child.killNow() }
    }

    /// Starts it again on the same port: DevBroker comes back empty, Apache Kafka with its data.
    package func restart() async throws {
        let box = child
        try await Blocking.run {
            box.current.stop()
            box.replace(try Self.begin(box.current.launch))
        }
    }

    package func stop() async throws {
        let child = child.current
        try await Blocking.run { child.stop() }
    }

    private static func devBroker(port: Int, folder: String) throws -> Launch {
        let operations = try FreePort.any()
        return try ServiceProcess.launch(
            name: "devbroker", kind: .devbroker, binaries: ServiceProcess.binaries(),
            environment: [
                "MERCATO_PORT_BROKER": String(port),
                "MERCATO_PORT_DEVBROKER_OPS": String(operations),
            ],
            port: port, portKey: "MERCATO_PORT_BROKER", operationsPort: operations,
            log: folder + "/devbroker.log")
    }

    private static func kafka(port: Int, folder: String) throws -> Launch {
        guard let home = kafkaHome else {
            throw NativeError(.missing, "KAFKA_HOME is not set")
        }
        let server = KafkaServer(
            home: home, port: port, controllerPort: try FreePort.any(), folder: folder,
            log: folder + "/kafka.log")
        try server.prepare()
        return server.launch
    }

    private static func begin(_ launch: Launch) throws -> ChildProcess {
        let child = try ChildProcess(launch)
        Watchdog.shared.watch(child.identity)
        try child.waitUntilReady(within: .seconds(60))
        return child
    }
}
