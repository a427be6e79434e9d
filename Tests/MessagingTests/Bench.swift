import Basics
import Contracts
import Kafka
import Messaging
import Postgres
import Sockets
import Support
import Synchronization
import Telemetry

/// A database with Messaging's tables and a recorder in the broker's place.
struct Bench: Sendable {
    let database: ScratchDatabase
    let pool: Pool
    let loop: EventLoop
    let metrics = MetricsRegistry()
    let publisher = RecordingPublisher()
    let tracer: Tracer

    static func run(
        _ name: String, tracer: Tracer = .disabled,
        _ body: @Sendable (Bench) async throws -> Void
    ) async throws {
        let database = try await ScratchPostgres.shared.database(name)
        try await TestLoop.run { loop in
            try await Migrator.migrate(
                ownerConnection: database.ownerConninfo, migrations: ServiceMessaging.migrations,
                loop: loop, logger: QuietLog.logger())
            let pool = Pool(
                configuration: PoolConfiguration(conninfo: database.appConninfo, sizeMax: 8),
                loop: loop, logger: QuietLog.logger(), metrics: MetricsRegistry(), tracer: tracer)
            do {
                try await body(Bench(database: database, pool: pool, loop: loop, tracer: tracer))
                await pool.close()
            } catch {
                await pool.close()
                throw error
            }
        }
    }

    func relay(_ configuration: RelayConfiguration = .init()) -> OutboxRelay {
        OutboxRelay(
            pool: pool, publisher: publisher, loop: loop, logger: QuietLog.logger(),
            metrics: metrics, configuration: configuration, tracer: tracer)
    }

    /// Runs `body` while the relays run beside it.
    func running(_ relays: [OutboxRelay], _ body: @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for relay in relays {
                group.addTask {
                    do { try await relay.run() } catch is CancellationError {
                        // Ignored: this is how the test ends the relay.
                    }
                }
            }
            try await body()
            group.cancelAll()
        }
    }

    func processor(
        _ consumer: String = "test", now: @escaping @Sendable () -> WallTime = { .now() },
        handler: any MessageHandler
    ) -> RecordProcessor {
        RecordProcessor(
            consumer: consumer, pool: pool, handler: handler,
            deadLetters: DeadLetters(outbox: Outbox(wake: {}), build: "test"),
            partitions: Partitions(pool: pool, loop: loop, logger: QuietLog.logger(), now: now),
            epoch: { 1 }, loop: loop, logger: QuietLog.logger(), metrics: metrics, tracer: tracer)
    }

    func count(_ table: String) async throws -> Int64 {
        try await pool.query(Statement("SELECT count(*) AS n FROM \(table)"))[0].integer("n")
    }
}

func message(_ order: OrderID = .make(), at time: WallTime = .now()) throws -> OutgoingMessage {
    OutgoingMessage(
        envelope: Envelope(
            messageID: .v7(milliseconds: time.milliseconds, random: .system), type: "Reserved",
            orderID: order, step: .reserve, stepSequence: 1, causationID: order.value,
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        topic: Topics.orderReplies, payload: Array("{}".utf8))
}

func record(of message: OutgoingMessage, offset: Int64 = 0) -> ConsumedRecord {
    ConsumedRecord(
        topic: message.topic.name, partition: 3, offset: offset,
        timestampMilliseconds: WallTime.now().milliseconds, key: message.key,
        value: message.payload, headers: message.envelope.headers)
}

/// Takes records in the broker's place, and fails as told.
final class RecordingPublisher: RecordPublisher {
    struct State {
        var records: [ProducerRecord] = []
        var failures: [KafkaError] = []
        /// Called with each batch before it is acknowledged.
        var gate: (@Sendable () async -> Void)?
    }
    private let state = Mutex(State())

    var records: [ProducerRecord] { state.withLock { $0.records } }
    /// The values of the `message-id` header, in the order of arrival.
    var messageIDs: [String] {
        records.compactMap { record in
            record.headers.first { $0.0 == "message-id" }
                .map { String(decoding: $0.1, as: UTF8.self) }
        }
    }

    /// The next records fail with these, in order.
    func failNext(_ errors: [KafkaError]) { state.withLock { $0.failures += errors } }
    func hold(_ gate: (@Sendable () async -> Void)?) { state.withLock { $0.gate = gate } }

    func send(_ records: [ProducerRecord]) async -> [Result<Int64, KafkaError>] {
        if let gate = state.withLock({ $0.gate }) { await gate() }
        return state.withLock { state in
            records.map { record in
                guard state.failures.isEmpty else { return .failure(state.failures.removeFirst()) }
                state.records.append(record)
                return .success(Int64(state.records.count))
            }
        }
    }
}

/// Counts calls from any task.
final class Tally: Sendable {
    private let state = Mutex(0)
    var count: Int { state.withLock { $0 } }
    @discardableResult
    func add() -> Int {
        state.withLock { count in
            count += 1
            return count
        }
    }
}

/// A handler made of a closure.
struct ClosureHandler: MessageHandler {
    let body: @Sendable (IncomingMessage, Transaction) async throws -> Void

    func handle(_ message: IncomingMessage, in transaction: Transaction) async throws {
        try await body(message, transaction)
    }
}
