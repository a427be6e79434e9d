package import Basics
import Contracts
package import Kafka
package import Postgres
import Resilience
package import Sockets
package import Telemetry

/// What the relay publishes through: the Kafka producer, or a recorder in a test.
package protocol RecordPublisher: Sendable {
    /// One result per record, in order; each comes from the delivery report.
    func send(_ records: [ProducerRecord]) async -> [Result<Int64, KafkaError>]
}

extension Producer: RecordPublisher {}

/// The limits of a relay.
package struct RelayConfiguration: Sendable {
    /// Rows published in one round.
    package var batchRows: Int = 500
    /// How often the table is looked at without being woken: rows of other replicas, and of a life
    /// before a crash.
    package var pollInterval: Duration = .milliseconds(200)
    /// How often the lease session shows that it lives, and tries for shards it does not own.
    package var heartbeat: Duration = .seconds(2)
    /// After so long without a word the server ends the lease session, and with it the locks, so a
    /// stopped owner cannot hold a shard for ever.
    package var leaseIdleMax: Duration = .seconds(10)

    package init() {}
}

/// Publishes outbox rows: one owner per shard, state-based, marked only after the delivery report
/// (D6). It runs inside each replica; advisory locks decide who owns which shard.
package actor OutboxRelay {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.asUnownedSerialExecutor()
    }

    private let pool: Pool
    private let publisher: any RecordPublisher
    private let configuration: RelayConfiguration
    private let logger: Logger
    private let spans: MessageSpans
    private let signal = AsyncSignal()
    private let published: Counter
    private let parked: Counter
    private let letters: Counter
    private let overtaken: Counter
    private let shown: WaitingSince

    /// Since when the oldest row known to wait has been waiting; nil when none waits.
    package private(set) var oldestWaiting: WallTime? {
        didSet { shown.set(oldestWaiting) }
    }

    package init(
        pool: Pool, publisher: any RecordPublisher, loop: EventLoop, logger: Logger,
        metrics: MetricsRegistry, configuration: RelayConfiguration = .init(),
        tracer: Tracer = .disabled
    ) {
        self.pool = pool
        self.publisher = publisher
        self.loop = loop
        self.configuration = configuration
        self.logger = logger
        spans = MessageSpans(tracer: tracer)
        published = metrics.counter(
            "outbox_published_total", help: "Outbox rows acknowledged by the broker.")
        parked = metrics.counter(
            "outbox_parked_total", help: "Outbox rows the broker refuses for good.")
        letters = DeadLetterCounter.letter(DeadLetterStore.relay, .unpublishable, metrics)
        overtaken = metrics.counter(
            "outbox_overtaken_total",
            help: "Rows acknowledged before an earlier row of their key, after a failed send.")
        shown = WaitingSince(metrics)
    }

    /// Called after a commit that added rows; any thread.
    package nonisolated func wake() { signal.raise() }

    /// Publishes until cancelled; survives any loss of the database or the broker.
    package func run() async throws {
        let backoff = Backoff(base: .milliseconds(200), cap: .seconds(5), jitter: .full)
        var failures = 0
        while true {
            try Task.checkCancellation()
            do {
                let connection = try await pool.dedicatedConnection()
                failures = 0
                do {
                    try await serve(connection)
                } catch {
                    await connection.close()
                    throw error
                }
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                failures += 1
                logger.warning("outbox relay lost its session", ["error": .init(describing: error)])
                try await loop.sleep(for: backoff.delay(attempt: failures, random: .system))
            }
        }
    }

    /// How long the oldest row has been waiting by now.
    package func oldestAge(at now: WallTime = .now()) -> Duration? {
        oldestWaiting.map { .microseconds(max(0, now.microseconds - $0.microseconds)) }
    }

    private func serve(_ connection: Connection) async throws {
        let idleMilliseconds = configuration.leaseIdleMax.inMilliseconds
        _ = try await connection.execute(
            Statement("SET idle_session_timeout = \(idleMilliseconds)"))
        // Safe here and only here: a lost mark publishes a row twice, and the inbox drops the copy.
        _ = try await connection.execute(Statement("SET synchronous_commit = off"))
        let lease = ShardLease(connection: connection)
        try await lease.extend()
        logger.info("outbox relay owns shards", ["shards": .init(lease.owned.count)])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.keepAlive(lease) }
            group.addTask { try await self.publish(over: connection, lease) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func keepAlive(_ lease: ShardLease) async throws {
        while true {
            try await loop.sleep(for: configuration.heartbeat)
            try await lease.extend()
        }
    }

    private func publish(over connection: Connection, _ lease: ShardLease) async throws {
        var done = OutboxRow.Acknowledged()
        var failures = 0
        let backoff = Backoff(base: .milliseconds(50), cap: .seconds(2), jitter: .full)
        while true {
            let batch = try await OutboxRow.next(
                marking: done, of: lease.owned, limit: configuration.batchRows, over: connection)
            note(batch)
            guard !batch.rows.isEmpty else {
                done = OutboxRow.Acknowledged()
                _ = try await signal.wait(atMost: configuration.pollInterval, on: loop)
                continue
            }
            let outcome = try await send(batch, over: connection)
            done = OutboxRow.Acknowledged(ids: outcome.settled, epoch: batch.epoch)
            guard let transient = outcome.transient else {
                failures = 0
                continue
            }
            failures += 1
            logger.warning("outbox rows not delivered", ["error": .string("\(transient)")])
            try await loop.sleep(for: backoff.delay(attempt: failures, random: .system))
        }
    }

    /// Sends a batch; what is settled was acknowledged, or is parked because it never will be.
    private func send(_ batch: OutboxRow.Batch, over connection: Connection) async throws
        -> (settled: [UniqueID], transient: KafkaError?)
    {
        let rows = batch.rows
        let readable = rows.filter(\.isReadable)
        let sendings = readable.map(spans.send)
        let results = await publisher.send(sendings.map(\.record))
        for (sending, result) in zip(sendings, results) {
            spans.end(sending, result, logBegan: batch.began)
        }
        try Task.checkCancellation()
        var settled: [UniqueID] = []
        var transient: KafkaError?
        var waiting: Set<[UInt8]> = []
        for (row, result) in zip(readable, results) {
            switch result {
            case .success:
                if waiting.contains(row.record.key) {
                    // D6 promises order of first copies per key; the participants' fences bear it.
                    overtaken.increment()
                }
                settled.append(row.messageID)
            case .failure(let error) where error.isPermanent:
                // One bad row must not block the lane behind it.
                try await park(row, error, over: connection)
                settled.append(row.messageID)
            case .failure(let error):
                transient = error
                waiting.insert(row.record.key)
            }
        }
        published.increment(by: Int64(settled.count))
        for row in rows where !row.isReadable {
            let error = KafkaError(.configuration, "the headers column cannot be read")
            try await park(row, error, over: connection)
            settled.append(row.messageID)
        }
        return (settled, transient)
    }

    private func park(_ row: OutboxRow, _ error: KafkaError, over connection: Connection)
        async throws
    {
        logger.error(
            "outbox row refused by the broker",
            ["message_id": .string("\(row.messageID)"), "error": .string("\(error)")])
        parked.increment()
        letters.increment()
        _ = try await connection.execute(row.deadLetter(error))
    }

    private func note(_ batch: OutboxRow.Batch) {
        oldestWaiting = batch.rows.first.map { row in
            let made = WallTime(microseconds: row.messageID.milliseconds * 1_000)
            return batch.began.map { max(made, $0) } ?? made
        }
    }
}
