internal import Basics

/// A topic as it must be.
package struct TopicSpecification: Sendable, Equatable {
    package let name: String
    package let partitions: Int32
    /// Copies of each partition; -1 leaves it to the broker.
    package let replication: Int32
    /// The broker's own property names, for example `cleanup.policy`.
    package let configuration: [String: String]

    package init(
        name: String, partitions: Int32, replication: Int32 = -1,
        configuration: [String: String] = [:]
    ) {
        self.name = name
        self.partitions = partitions
        self.replication = replication
        self.configuration = configuration
    }
}

/// Creates and checks topics with a short-lived client on a thread of its own.
package enum TopicAdmin {
    /// How long the creation of one metadata poll to the next waits for a new topic to show up.
    private static let settle: Int32 = 50

    /// Makes the topics that are missing and compares the partition count of each. Throws
    /// `.configuration` naming the first topic with another count: keys would map to other
    /// partitions (D7).
    package static func ensure(
        _ topics: [TopicSpecification], _ configuration: KafkaConfiguration
    ) async throws(KafkaError) {
        try await run(configuration) { client, deadline throws(KafkaError) in
            var counts = try client.partitionCounts(deadline)
            let missing = topics.filter { counts[$0.name] == nil }
            if !missing.isEmpty {
                try create(missing, client, deadline)
                // Brokers learn of a new topic one after the other.
                repeat {
                    _ = client.poll(milliseconds: settle)
                    counts = try client.partitionCounts(deadline)
                } while missing.contains { counts[$0.name] == nil } && !deadline.isPast
            }
            for topic in topics {
                guard let count = counts[topic.name] else {
                    throw KafkaError(
                        .unknownTopicOrPartition, "topic \(topic.name) did not appear in time")
                }
                guard count == topic.partitions else {
                    throw KafkaError(
                        .configuration,
                        "topic \(topic.name) has \(count) partitions, expected \(topic.partitions)")
                }
            }
        }
    }

    /// How many partitions a topic has; nil when there is no such topic.
    package static func partitionCount(
        _ topic: String, _ configuration: KafkaConfiguration
    ) async throws(KafkaError) -> Int32? {
        try await run(configuration) { client, deadline throws(KafkaError) in
            try client.partitionCounts(deadline)[topic]
        }
    }

    private static func create(
        _ topics: [TopicSpecification], _ client: Client, _ deadline: Deadline
    ) throws(KafkaError) {
        try client.createTopics(topics, deadline)
        while !deadline.isPast {
            let wait = Int32(clamping: max(1, deadline.remaining.inMilliseconds))
            if case .topicsCreated(let failures) = client.poll(milliseconds: wait) {
                if let failure = failures.first { throw failure.error }
                return
            }
        }
        let names = topics.map(\.name).joined(separator: ", ")
        throw KafkaError(.timedOut, "the broker did not create \(names) in time")
    }

    private static func run<T: Sendable>(
        _ configuration: KafkaConfiguration,
        _ body: @escaping @Sendable (Client, Deadline) throws(KafkaError) -> T
    ) async throws(KafkaError) -> T {
        try await BlockingThread.run("kafka-admin", atMost: configuration.adminTimeout) {
            () -> Result<T, KafkaError> in
            do throws(KafkaError) {
                let client = try Client(.admin(configuration))
                return .success(try body(client, .after(configuration.adminTimeout)))
            } catch {
                return .failure(error)
            }
        }
    }
}
