import Basics
import Contracts
import Kafka
import Sockets
import Support
import Telemetry

/// A loop, a broker and the clients of one test.
struct Rig: Sendable {
    let loop: EventLoop
    let broker: ScratchBroker
    var configuration: KafkaConfiguration

    /// How long anything may take on a busy machine before the test fails.
    static let patience: Duration = .seconds(60)

    /// Runs a test on a loop of its own against a broker of its own.
    static func with(
        _ kind: ScratchBroker.Kind = .dev, _ body: (Rig) async throws -> Void
    ) async throws {
        let broker = try await ScratchBroker.start(kind)
        do {
            try await TestLoop.run { loop in
                try await body(
                    Rig(
                        loop: loop, broker: broker,
                        configuration: KafkaConfiguration(
                            bootstrapServers: broker.bootstrapServers, clientID: "test",
                            isMock: kind == .dev)))
            }
        } catch {
            try await broker.stop()
            throw error
        }
        try await broker.stop()
    }

    func producer() throws -> Producer {
        try Producer(
            configuration, loop: loop, logger: QuietLog.logger("producer"),
            metrics: QuietLog.metrics())
    }

    func consumer(_ group: String, _ topics: [String] = [Rig.topic]) throws -> Consumer {
        try Consumer(
            configuration, group: group, topics: topics, loop: loop,
            logger: QuietLog.logger("consumer"), metrics: QuietLog.metrics())
    }

    static let topic = Topics.orderEvents.name

    /// One record for each text, spread by key as a service would.
    static func records(_ texts: [String]) -> [ProducerRecord] {
        texts.map { text in
            ProducerRecord(
                topic: topic, partition: Murmur2.partition(key: Array(text.utf8), count: 12),
                key: Array(text.utf8), value: Array("value of \(text)".utf8),
                headers: [("message-id", Array(text.utf8)), ("empty", [])])
        }
    }

    /// Publishes until the broker has taken everything.
    func publish(_ producer: Producer, _ texts: [String]) async throws {
        try await loop.withTimeout(Rig.patience) {
            var left = Rig.records(texts)
            while !left.isEmpty {
                let results = await producer.send(left)
                left = zip(left, results).compactMap { record, result in
                    if case .success = result { nil } else { record }
                }
            }
        }
    }

    /// The next event for which `pick` has an answer; partitions without a position are read from
    /// their start, other events are passed over.
    func first<T: Sendable>(
        _ consumer: Consumer, _ pick: @escaping (ConsumerEvent) async throws -> T?
    ) async throws -> T {
        try await loop.withTimeout(Rig.patience) {
            while true {
                let event = try await consumer.next()
                if let answer = try await pick(event) { return answer }
                if case .resetRequired(let place) = event {
                    await consumer.seekToStart([place])
                }
            }
        }
    }

    /// Reads and stores until every key of `wanted` was seen; returns all that came.
    func read(_ consumer: Consumer, _ wanted: [String]) async throws -> [ConsumedRecord] {
        var missing = Set(wanted)
        var all: [ConsumedRecord] = []
        return try await first(consumer) { event in
            guard case .records(let records) = event else { return nil }
            for record in records {
                all.append(record)
                missing.remove(String(decoding: record.key ?? [], as: UTF8.self))
                await consumer.store(
                    record.topicPartition, nextOffset: record.offset + 1,
                    generation: record.generation)
            }
            return missing.isEmpty ? all : nil
        }
    }
}

extension ConsumedRecord {
    var keyText: String { String(decoding: key ?? [], as: UTF8.self) }
}
