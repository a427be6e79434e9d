internal import CKafka

/// The C library's built-in broker, one of it, in memory: what DevBroker serves. Its listener
/// answers on 127.0.0.1 until the value is released.
@safe package final class MockCluster: Sendable {
    // Reason: set once in `init` and only read afterwards; the library locks its own state.
    nonisolated(unsafe) private let cluster: OpaquePointer
    // Reason: as above; destroyed after the cluster that it carries.
    nonisolated(unsafe) private let carrier: OpaquePointer

    /// `host:port` for clients.
    package let bootstrapServers: String

    private static let pauseMilliseconds: Int32 = 1

    /// Starts the broker and makes the topics. Blocks for some milliseconds, seldom for seconds.
    /// Throws `.configuration` when a topic exists already: a client was faster, and the broker made
    /// it with a partition count of its own.
    package init(
        topics: [(name: String, partitions: Int32)]
    ) throws(KafkaError) {
        var text = [CChar](repeating: 0, count: 512)
        // The broker needs some client to belong to; this one never connects anywhere, and its
        // notice of that is of no interest.
        let configuration = unsafe rd_kafka_conf_new()
        unsafe rd_kafka_conf_set(configuration, "log_level", "4", &text, text.count)
        guard
            let carrier = unsafe rd_kafka_new(
                RD_KAFKA_PRODUCER, configuration, &text, text.count)
        else {
            unsafe rd_kafka_conf_destroy(configuration)
            throw KafkaError(.other, "carrier client: \(errorText(text))")
        }
        guard let cluster = unsafe rd_kafka_mock_cluster_new(carrier, 1) else {
            unsafe rd_kafka_destroy(carrier)
            throw KafkaError(.other, "the embedded broker did not start")
        }
        unsafe self.carrier = carrier
        unsafe self.cluster = cluster
        unsafe bootstrapServers = String(cString: rd_kafka_mock_cluster_bootstraps(cluster))
        for topic in topics {
            // The broker's thread serves requests first and empties its wake-up pipe afterwards, so
            // a request made in between waits for its next look, a second later. This lets it go
            // back to sleep before it is asked again.
            unsafe rd_kafka_poll(carrier, Self.pauseMilliseconds)
            let result = unsafe rd_kafka_mock_topic_create(cluster, topic.name, topic.partitions, 1)
            guard result == RD_KAFKA_RESP_ERR_NO_ERROR else {
                // `deinit` runs: every stored property is set.
                throw KafkaError(
                    .configuration, "topic \(topic.name): \(KafkaError(result, "create").message)",
                    number: Int32(result.rawValue))
            }
        }
    }

    deinit {
        unsafe rd_kafka_mock_cluster_destroy(cluster)
        unsafe rd_kafka_destroy(carrier)
    }
}
