import Contracts
import FixedPort
import Kafka
import ServiceKit
import Sockets
import Synchronization
import Telemetry

/// Holds the embedded broker for the life of the process.
final class BrokerHost: LongRunning {
    /// The variable that sets the broker's port.
    static let portKey = "MERCATO_PORT_BROKER"
    /// How often a broker is made anew because a client was faster than its topics.
    private static let attemptsMax = 10

    let name = "broker"
    private let port: Int
    private let logger: Logger
    private let cluster = Mutex<MockCluster?>(nil)

    init(port: Int, logger: Logger) {
        self.port = port
        self.logger = logger
    }

    /// Starts the broker on its port with every topic. Throws `ExitError` with code 4 when the port
    /// is taken; the library would abort on an assertion.
    func start() async throws {
        guard let number = UInt16(exactly: port), fixed_port_is_free(number) == 1 else {
            throw portInUse(port, key: Self.portKey)
        }
        let started = try await onDedicatedThread("broker-start") { try self.makeCluster(number) }
        cluster.withLock { $0 = started }
        logger.notice(
            "broker ready",
            [
                "bootstrap_servers": .string(started.bootstrapServers),
                "topics": .init(Topics.all.count),
            ])
    }

    /// Until cancelled; then the broker and everything in it are gone.
    func run() async throws {
        let never = AsyncSignal()
        defer { cluster.withLock { $0 = nil } }
        try await never.wait()
    }

    private func makeCluster(_ number: UInt16) throws -> MockCluster {
        let topics = Topics.all.map { (name: $0.name, partitions: $0.partitions) }
        var lastError: KafkaError?
        for _ in 0..<Self.attemptsMax {
            fixed_port_arm(number)
            do throws(KafkaError) {
                let cluster = try MockCluster(topics: topics)
                if fixed_port_disarm() == 1, cluster.bootstrapServers.hasSuffix(":\(port)") {
                    return cluster
                }
                throw KafkaError(
                    .other, "the broker listens on \(cluster.bootstrapServers), not on \(port)")
            } catch {
                _ = fixed_port_disarm()
                // A client asked for a topic first and got one with the broker's own partition
                // count. Starting again is quicker than it can reconnect.
                guard error.code == .configuration else { throw error }
                lastError = error
            }
        }
        throw ExitError(
            ExitCode.failure, "clients were faster than the topics", underlying: lastError)
    }
}
