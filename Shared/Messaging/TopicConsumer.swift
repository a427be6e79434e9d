import Basics
package import Contracts
package import Kafka
import Postgres
import Resilience
package import Sockets
package import Telemetry

/// Reads one topic for one consumer name: record → inbox row and handler in one transaction →
/// offset (D4, D8). Partitions are worked on side by side, the records of one partition in order.
package actor TopicConsumer {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.asUnownedSerialExecutor()
    }

    /// How long a partition waits in place for a database that is away, before its records are
    /// given back and read again: the group must hear from us.
    package static let patience: Duration = .seconds(10)

    private let topic: Topic
    private let group: String
    private let instanceID: String?
    private let kafka: KafkaConfiguration
    private let processor: RecordProcessor
    private let epochs: BrokerEpochs
    private let logger: Logger
    private let metrics: MetricsRegistry
    private let connected: @Sendable (Bool) -> Void
    private var consumer: Consumer?
    private var assigned: Set<TopicPartition> = []
    private var catchUp = CatchUp()

    package init(
        topic: Topic, group: String, instanceID: String?, kafka: KafkaConfiguration,
        processor: RecordProcessor, epochs: BrokerEpochs, loop: EventLoop, logger: Logger,
        metrics: MetricsRegistry, connected: @escaping @Sendable (Bool) -> Void = { _ in }
    ) {
        self.topic = topic
        self.group = group
        self.instanceID = instanceID
        self.kafka = kafka
        self.processor = processor
        self.epochs = epochs
        self.loop = loop
        self.logger = logger
        self.metrics = metrics
        self.connected = connected
    }

    /// True once every partition of the first assignment was read to the end it then had: before
    /// that, a missing reply may be waiting in the topic, and no budget may be judged.
    package var hasCaughtUp: Bool { catchUp.isDone }

    /// Consumes until cancelled; a lost handle is made anew.
    package func run() async throws {
        let backoff = Backoff(base: .milliseconds(200), cap: .seconds(5), jitter: .full)
        var failures = 0
        await epochs.subscribe { [weak self] in await self?.startOver() }
        while true {
            try Task.checkCancellation()
            do {
                let consumer = try Consumer(
                    kafka, group: group, instanceID: instanceID, topics: [topic.name], loop: loop,
                    logger: logger, metrics: metrics)
                self.consumer = consumer
                do {
                    try await serve(consumer)
                } catch {
                    assigned = []
                    self.consumer = nil
                    await consumer.close()
                    throw error
                }
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                failures += 1
                logger.warning(
                    "consumer starts anew",
                    ["topic": .string(topic.name), "error": .init(describing: error)])
                try await loop.sleep(for: backoff.delay(attempt: failures, random: .system))
            }
        }
    }

    private func serve(_ consumer: Consumer) async throws {
        while true {
            switch try await consumer.next() {
            case .assigned(let partitions):
                assigned = Set(partitions)
                connected(true)
                if catchUp.needsRanges { catchUp.begin(try await consumer.ranges(partitions)) }
            case .revoked(let partitions):
                assigned.subtract(partitions)
            case .records(let records):
                connected(true)
                try await process(records, from: consumer)
            case .resetRequired(let partition):
                try await startOver(partition, of: consumer)
            case .disconnected:
                connected(false)
                epochs.suspect()
            case .error(let error):
                if error.isFatal { throw error }
                logger.warning(
                    "consumer reports an error",
                    ["topic": .string(topic.name), "error": .string("\(error)")])
            }
        }
    }

    /// No offset, or one that is not in the log: everything is read again, and the inbox drops what
    /// was handled. A group without an offset is new; one whose offset the log does not have lost
    /// records, and that is a new epoch although the broker looks the same (D9).
    private func startOver(_ partition: TopicPartition, of consumer: Consumer) async throws {
        let range = try await consumer.ranges([partition])[partition]
        await consumer.seekToStart([partition])
        if range?.isOutOfRange == true {
            logger.warning("offset out of range", ["partition": .string("\(partition)")])
            await epochs.reportOutOfRange()
        } else {
            epochs.suspect()
        }
    }

    /// A new epoch: what the offsets meant is gone with the old log.
    private func startOver() async {
        guard let consumer, !assigned.isEmpty else { return }
        logger.notice("consumer seeks to the start", ["topic": .string(topic.name)])
        catchUp.forget()
        await consumer.seekToStart(assigned.sorted())
    }

    private func process(_ records: [ConsumedRecord], from consumer: Consumer) async throws {
        var lanes: [Int32: [ConsumedRecord]] = [:]
        for record in records { lanes[record.partition, default: []].append(record) }
        let processor = processor
        let givenBack = try await withThrowingTaskGroup(of: ConsumedRecord?.self) { group in
            for (_, lane) in lanes.sorted(by: { $0.key < $1.key }) {
                group.addTask { try await Self.work(lane, processor, consumer) }
            }
            return try await group.reduce(into: [ConsumedRecord]()) { $0 += $1.map { [$0] } ?? [] }
        }
        for record in records { catchUp.saw(record) }
        guard !givenBack.isEmpty else { return }
        logger.warning("records given back", ["partitions": .init(givenBack.count)])
        for record in givenBack {
            await consumer.seek(record.topicPartition, offset: record.offset)
        }
        try await loop.sleep(for: .seconds(1))
    }

    /// Works on one partition's records in order; returns the one it had to give up on.
    private static func work(
        _ lane: [ConsumedRecord], _ processor: RecordProcessor, _ consumer: Consumer
    ) async throws -> ConsumedRecord? {
        for record in lane {
            guard try await processor.process(record, patience: patience) else { return record }
            // After the commit, never before (D8); an offset of an earlier stay is ignored there.
            await consumer.store(
                record.topicPartition, nextOffset: record.offset + 1, generation: record.generation)
        }
        return nil
    }
}

/// How far a restarted service has to read before silence means silence.
struct CatchUp: Sendable {
    private enum State: Sendable {
        case waiting
        /// The end offsets that are still ahead, by partition.
        case reading([TopicPartition: Int64])
        case done
    }
    private var state = State.waiting

    var needsRanges: Bool { if case .waiting = state { true } else { false } }
    var isDone: Bool { if case .done = state { true } else { false } }

    mutating func begin(_ ranges: [TopicPartition: PartitionRange]) {
        let open = ranges.filter { $0.value.position < $0.value.end }.mapValues(\.end)
        state = open.isEmpty ? .done : .reading(open)
    }

    mutating func saw(_ record: ConsumedRecord) {
        guard case .reading(var open) = state else { return }
        if let end = open[record.topicPartition], record.offset + 1 >= end {
            open[record.topicPartition] = nil
        }
        state = open.isEmpty ? .done : .reading(open)
    }

    /// The log that had those ends is gone; what is read now starts at its beginning.
    mutating func forget() {
        if case .reading = state { state = .done }
    }
}
