import Basics
package import Contracts
package import Kafka
package import Postgres
package import Sockets
import Synchronization
package import Telemetry

/// What a service tells of its messaging when asked whether it is ready.
package enum MessagingHealth: Sendable, Equatable {
    case ready
    /// Works for now: the reason is shown, traffic still comes.
    case degraded(String)
    /// Promises can no longer be kept in time: no new work should come (D22).
    case failed(String)
}

/// A piece of a service that runs until it is cancelled.
package struct MessagingTask: Sendable {
    package let name: String
    package let run: @Sendable () async throws -> Void
}

/// Everything a service needs to talk to the others, put together once: producer, outbox and relay,
/// broker epochs, partitions, dead letters, and a consumer per topic it reads.
package struct ServiceMessaging: Sendable {
    /// What a service decides about its messaging; see `DurableSettings` for the keys.
    package struct Settings: Sendable {
        package var service: String
        package var kafka: KafkaConfiguration
        /// A stable name lets a restarted member keep its partitions; nil on Kubernetes.
        package var instanceID: String?
        /// Older unpublished rows make the service unready.
        package var outboxAgeMax: Duration = .seconds(30)
        package var probeInterval: Duration = .seconds(5)
        package var relay = RelayConfiguration()
        /// What a new broker epoch needs besides (D9). Each statement is repeated until it changes
        /// nothing, so each bounds itself, and may be repeated after a crash.
        package var refill: [Statement] = []
        /// Told to whoever finds a dead letter.
        package var build: String = "dev"

        package init(service: String, kafka: KafkaConfiguration) {
            self.service = service
            self.kafka = kafka
        }
    }

    /// How long one look at the broker may take.
    package static let probeTimeout: Duration = .seconds(3)

    package let outbox: Outbox
    package let relay: OutboxRelay
    package let epochs: BrokerEpochs
    package let producer: Producer
    /// Reads, replays and discards dead letters.
    package let desk: DeadLetterDesk
    private let settings: Settings
    private let pool: Pool
    private let loop: EventLoop
    private let logger: Logger
    private let metrics: MetricsRegistry
    private let tracer: Tracer
    private let partitions: Partitions
    private let deadLetters: DeadLetters
    private let connected = ConnectionFlag()
    private let depth: OutboxDepth

    package init(
        _ settings: Settings, pool: Pool, loop: EventLoop, logger: Logger, metrics: MetricsRegistry,
        tracer: Tracer = .disabled
    ) throws {
        self.settings = settings
        self.pool = pool
        self.loop = loop
        self.logger = logger
        self.metrics = metrics
        depth = OutboxDepth(metrics)
        self.tracer = tracer
        var produced = settings.kafka
        produced.producedTopics = Topics.business.map(\.name)
        producer = try Producer(produced, loop: loop, logger: logger, metrics: metrics)
        let relay = OutboxRelay(
            pool: pool, publisher: producer, loop: loop, logger: logger, metrics: metrics,
            configuration: settings.relay, tracer: tracer)
        self.relay = relay
        outbox = Outbox(wake: { relay.wake() })
        var kafka = settings.kafka
        kafka.adminTimeout = min(kafka.adminTimeout, Self.probeTimeout)
        let (probed, service) = (kafka, settings.service)
        epochs = BrokerEpochs(
            service: service, pool: pool, publisher: producer, loop: loop, logger: logger,
            metrics: metrics, interval: settings.probeInterval, refill: settings.refill,
            refilled: { relay.wake() },
            probe: {
                try await ClusterProbe.look(probed, canaryTopic: Topics.canary.name, key: service)
            })
        partitions = Partitions(pool: pool, loop: loop, logger: logger)
        deadLetters = DeadLetters(outbox: outbox, build: settings.build)
        desk = DeadLetterDesk(
            service: service, pool: pool, outboxWake: { relay.wake() }, loop: loop, logger: logger,
            metrics: metrics)
    }

    /// A consumer of `topic` in the service's own group; its name is half of the inbox key.
    package func consumer(of topic: Topic, handler: any MessageHandler) -> TopicConsumer {
        let (epochs, connected) = (epochs, connected)
        connected.expectConsumer()
        let processor = RecordProcessor(
            consumer: settings.service, pool: pool, handler: handler, deadLetters: deadLetters,
            partitions: partitions, epoch: { await epochs.current }, loop: loop, logger: logger,
            metrics: metrics, tracer: tracer)
        desk.register(processor, of: topic)
        return TopicConsumer(
            topic: topic, group: settings.service, instanceID: settings.instanceID,
            kafka: settings.kafka, pool: pool, processor: processor, epochs: epochs, loop: loop,
            logger: logger, metrics: metrics, connected: { connected.set($0) })
    }

    /// What runs as long as the service does, besides its consumers.
    package var tasks: [MessagingTask] {
        let (relay, epochs, partitions, desk) = (relay, epochs, partitions, desk)
        return [
            MessagingTask(name: "outbox-relay") { try await relay.run() },
            MessagingTask(name: "broker-epochs") { try await epochs.run() },
            MessagingTask(name: "partitions") { try await partitions.run() },
            MessagingTask(name: "dead-letters") { try await desk.run() },
        ]
    }

    /// Before any traffic: without the day's partition nothing could be promised.
    package func prepare() async throws {
        try await partitions.maintain(at: .now())
    }

    /// Refreshes the gauges that only the database knows. Throws what the database says.
    package func measure() async throws {
        try await depth.measure(pool)
    }

    /// A dead broker leaves the service ready, and says so, until promises grow too old (D22).
    package func health() async -> MessagingHealth {
        let age = await relay.oldestAge()
        if let age, age > settings.outboxAgeMax {
            return .failed(
                "the oldest unpublished message is \(Int(age.inSeconds)) s old, more than "
                    + "\(Int(settings.outboxAgeMax.inSeconds)) s: is the Kafka broker at "
                    + "\(settings.kafka.bootstrapServers) running?")
        }
        if !connected.value, await epochs.reachable != true {
            return .degraded("no Kafka broker at \(settings.kafka.bootstrapServers)")
        }
        if connected.isJoining {
            return .degraded("joining the consumer group; answers wait until then")
        }
        return .ready
    }

    /// The embedded migrations of this module; they come before a service's own.
    package static var migrations: [Migration] {
        [
            Migration(name: "m0001_messaging", bytes: PackageResources.m0001_messaging_sql),
            Migration(name: "m0002_dead_letters", bytes: PackageResources.m0002_dead_letters_sql),
        ]
    }
}

/// What the consumers last said about the broker.
final class ConnectionFlag: Sendable {
    private struct State {
        var isConnected = false
        var hasConsumers = false
        var hasJoined = false
    }
    private let state = Mutex(State())

    var value: Bool { state.withLock { $0.isConnected } }
    /// There are consumers, and none of them has been given its partitions yet.
    var isJoining: Bool { state.withLock { $0.hasConsumers && !$0.hasJoined } }

    func expectConsumer() { state.withLock { $0.hasConsumers = true } }

    func set(_ value: Bool) {
        state.withLock { state in
            state.isConnected = value
            state.hasJoined = state.hasJoined || value
        }
    }
}
