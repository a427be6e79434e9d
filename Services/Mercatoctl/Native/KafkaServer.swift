import Foundation
import Glibc

/// An Apache Kafka of ours, one node in KRaft mode, from the installation at `KAFKA_HOME`.
package struct KafkaServer: Sendable {
    package let home: String
    package let port: Int
    package let portKey: String
    package let controllerPort: Int
    package let folder: String
    package let log: String

    package init(
        home: String, port: Int, portKey: String = "", controllerPort: Int, folder: String,
        log: String
    ) {
        self.home = home
        self.port = port
        self.portKey = portKey
        self.controllerPort = controllerPort
        self.folder = folder
        self.log = log
    }

    private var settings: String { folder + "/server.properties" }
    private var data: String { folder + "/data" }

    /// Writes the settings, and formats the data folder once.
    package func prepare(interruption: Interruption = Interruption()) throws(NativeError) {
        let storage = home + "/bin/kafka-storage.sh"
        guard access(storage, X_OK) == 0 else {
            throw NativeError(
                .missing, "KAFKA_HOME is \(home), but there is no bin/kafka-storage.sh in it")
        }
        guard Command.find("java") != nil || environment["JAVA_HOME"] != nil else {
            throw NativeError(
                .missing,
                "Apache Kafka needs Java 17 or newer: apt-get install openjdk-17-jre-headless")
        }
        try Folders.make(folder, mode: 0o700)
        try Folders.writePrivate(properties, to: settings)
        guard Folders.text(of: data + "/meta.properties") == nil else { return }
        try Folders.remove(data)
        let identity = try check(Command.run(
            storage, ["random-uuid"], environment: environment, limit: .seconds(60),
            interruption: interruption))
        try check(Command.run(
            storage,
            ["format", "-t", identity.trimmingCharacters(in: .whitespacesAndNewlines), "-c", settings],
            environment: environment, limit: .seconds(60), interruption: interruption))
    }

    @discardableResult
    private func check(_ outcome: Command.Outcome) throws(NativeError) -> String {
        guard outcome.status == 0 else {
            let lines = (outcome.output + outcome.errors).split(separator: "\n")
            throw NativeError(
                .command, "kafka-storage.sh failed (exit \(outcome.status))",
                logTail: lines.suffix(20).map(String.init))
        }
        return outcome.output
    }

    /// Topics are made by the order service's binary, never by a typing mistake: automatic creation
    /// is off (architecture.md §1).
    private var properties: String {
        """
        process.roles=broker,controller
        node.id=1
        controller.quorum.voters=1@127.0.0.1:\(controllerPort)
        listeners=PLAINTEXT://127.0.0.1:\(port),CONTROLLER://127.0.0.1:\(controllerPort)
        advertised.listeners=PLAINTEXT://127.0.0.1:\(port)
        controller.listener.names=CONTROLLER
        listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
        log.dirs=\(data)
        auto.create.topics.enable=false
        offsets.topic.replication.factor=1
        offsets.topic.num.partitions=4
        transaction.state.log.replication.factor=1
        transaction.state.log.min.isr=1
        share.coordinator.state.topic.replication.factor=1
        share.coordinator.state.topic.min.isr=1
        group.initial.rebalance.delay.ms=0

        """
    }

    private var environment: [String: String] {
        var values = Launch.baseEnvironment()
        values["KAFKA_HEAP_OPTS"] =
            ProcessInfo.processInfo.environment["KAFKA_HEAP_OPTS"] ?? "-Xms128m -Xmx384m"
        // The distribution's scripts write their own logs beside the data, not into KAFKA_HOME.
        values["LOG_DIR"] = folder + "/logs"
        return values
    }

    package var launch: Launch {
        Launch(
            name: "kafka", kind: .kafka, program: home + "/bin/kafka-server-start.sh",
            arguments: [settings], environment: environment, log: log, port: port, portKey: portKey,
            readiness: .connects, stopSignal: SIGTERM, stopSeconds: 20)
    }
}
