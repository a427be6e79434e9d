import Basics
package import Contracts
package import Kafka
package import Postgres
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
    private let followed: ConsumerEpochs
    private let epochs: BrokerEpochs
    private let logger: Logger
    private let metrics: MetricsRegistry
    private let connected: @Sendable (Bool) -> Void
    private var consumer: Consumer?
    private var assigned: Set<TopicPartition> = []
    private var catchUp = CatchUp()
    private var isSubscribed = false
    private var failures = 0

    package init(
        topic: Topic, group: String, instanceID: String?, kafka: KafkaConfiguration, pool: Pool,
        processor: RecordProcessor, epochs: BrokerEpochs, loop: EventLoop, logger: Logger,
        metrics: MetricsRegistry, connected: @escaping @Sendable (Bool) -> Void = { _ in }
    ) {
        self.topic = topic
        self.group = group
        self.instanceID = instanceID
        self.kafka = kafka
        self.processor = processor
        followed = ConsumerEpochs(pool: pool, consumer: group, topic: topic.name)
        self.epochs = epochs
        self.loop = loop
        self.logger = logger
        self.metrics = metrics
        self.connected = connected
    }

    /// True once every partition was read to the end it had when it became ours: before that, a
    /// missing reply may be waiting in the topic, and no budget may be judged.
    package var hasCaughtUp: Bool { catchUp.isDone }

    /// Consumes until cancelled; a lost handle is made anew.
    package func run() async throws {
        let backoff = Backoff(base: .milliseconds(200), cap: .seconds(5), jitter: .full)
        if !isSubscribed {
            isSubscribed = true
            await epochs.subscribe { [weak self] in await self?.followEpoch() }
        }
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
                    catchUp.reset()
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
                failures = 0
                connected(true)
                try await take(partitions, of: consumer)
            case .revoked(let partitions):
                assigned.subtract(partitions)
                catchUp.drop(partitions)
            case .records(let records):
                connected(true)
                try await process(records, from: consumer)
            case .resetRequired(let partition):
                try await startOver(partition, of: consumer)
            case .disconnected:
                connected(false)
                await epochs.doubt()
            case .error(let error):
                if error.isFatal { throw error }
                logger.warning(
                    "consumer reports an error",
                    ["topic": .string(topic.name), "error": .string("\(error)")])
            }
        }
    }

    /// Partitions became ours. One that has not followed the present epoch is read from the start
    /// of the log, whatever offset the group has: that offset may be of the old log, below the new
    /// one's end, and would skip its beginning without any error (D9).
    private func take(_ partitions: [TopicPartition], of consumer: Consumer) async throws {
        let ranges = try await consumer.ranges(partitions)
        let (current, followed) = try await followed.state()
        let behind = partitions.filter { followed[$0.partition] ?? 0 < current }
        if !behind.isEmpty {
            logger.notice(
                "consumer seeks to the start",
                ["topic": .string(topic.name), "partitions": .init(behind.count)])
            await consumer.seekToStart(behind)
        }
        let stays = await consumer.generations(partitions)
        // What was revoked during the waits is somebody else's to read.
        for place in partitions where assigned.contains(place) {
            guard let range = ranges[place], let stay = stays[place] else { continue }
            let isBehind = behind.contains(place)
            let reached = catchUp.expect(
                place, from: isBehind || range.isOutOfRange ? range.start : range.position,
                to: range.end, in: stay, following: isBehind ? current : nil)
            if let reached { try await self.followed.note(place.partition, reached) }
        }
    }

    /// A new epoch was recorded: what the offsets meant is gone with the old log. Without an
    /// assignment there is nothing to do now; the next one finds its partitions behind.
    private func followEpoch() async {
        guard let consumer, !assigned.isEmpty else { return }
        do {
            try await take(assigned.sorted(), of: consumer)
        } catch {
            logger.warning(
                "epoch not followed; the consumer starts anew", ["error": .init(describing: error)])
            await consumer.close()
        }
    }

    /// No offset, or one that is not in the log: everything is read again, and the inbox drops what
    /// was handled. A group without an offset is new; one whose offset the log refused lost
    /// records, and that is a new epoch although the broker looks the same (D9).
    private func startOver(_ partition: TopicPartition, of consumer: Consumer) async throws {
        let range = try await consumer.ranges([partition])[partition]
        let (current, followed) = try await followed.state()
        await consumer.seekToStart([partition])
        if let range, assigned.contains(partition),
            let stay = await consumer.generations([partition])[partition]
        {
            _ = catchUp.expect(
                partition, from: range.start, to: range.end, in: stay, following: nil)
        }
        // A partition that is still behind was sent to the start for the same loss already.
        if range?.committed != nil, (followed[partition.partition] ?? 0) >= current {
            logger.warning("offset out of range", ["partition": .string("\(partition)")])
            await epochs.reportOutOfRange()
        } else {
            epochs.suspect()
        }
    }

    private func process(_ records: [ConsumedRecord], from consumer: Consumer) async throws {
        var lanes: [Int32: [ConsumedRecord]] = [:]
        for record in records { lanes[record.partition, default: []].append(record) }
        let processor = processor
        let ends = try await withThrowingTaskGroup(of: LaneEnd.self) { group in
            for (_, lane) in lanes.sorted(by: { $0.key < $1.key }) {
                group.addTask { try await Self.work(lane, processor, consumer) }
            }
            return try await group.reduce(into: [LaneEnd]()) { $0.append($1) }
        }
        for case let last? in ends.map(\.lastStored) {
            let place = last.topicPartition
            let epoch = catchUp.settled(
                place, nextOffset: last.offset + 1, in: last.generation)
            if let epoch {
                try await followed.note(place.partition, epoch)
            }
        }
        let givenBack = ends.compactMap(\.givenBack)
        guard !givenBack.isEmpty else { return }
        logger.warning("records given back", ["partitions": .init(givenBack.count)])
        for record in givenBack {
            await consumer.seek(record.topicPartition, offset: record.offset)
        }
        try await loop.sleep(for: .seconds(1))
    }

    /// How the work on one partition's records ended.
    private struct LaneEnd: Sendable {
        /// The last record whose offset was stored; an offset of an earlier stay is refused.
        var lastStored: ConsumedRecord?
        /// The record that could not be settled; it and those behind it are read again.
        var givenBack: ConsumedRecord?
    }

    /// Works on one partition's records in order.
    private static func work(
        _ lane: [ConsumedRecord], _ processor: RecordProcessor, _ consumer: Consumer
    ) async throws -> LaneEnd {
        var end = LaneEnd()
        for record in lane {
            guard try await processor.process(record, patience: patience) else {
                end.givenBack = record
                break
            }
            // After the commit, never before (D8).
            let isStored = await consumer.store(
                record.topicPartition, nextOffset: record.offset + 1, generation: record.generation)
            if isStored { end.lastStored = record }
        }
        return end
    }
}
