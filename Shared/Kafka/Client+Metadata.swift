internal import Basics
internal import CKafka

/// What a probe and an administrator ask of their client. Everything here blocks.
extension Client {
    /// The cluster's id. Throws `.timedOut` when no broker told it before the deadline.
    func clusterID(_ deadline: Deadline) throws(KafkaError) -> String {
        let wait = Int32(clamping: max(1, deadline.remaining.inMilliseconds))
        guard let text = unsafe withHandle({ handle, _ in unsafe rd_kafka_clusterid(handle, wait) })
        else { throw KafkaError(.timedOut, "no broker told its cluster id") }
        defer { unsafe withHandle { handle, _ in unsafe rd_kafka_mem_free(handle, text) } }
        return unsafe String(cString: text)
    }

    /// Partitions of each existing topic. All topics are asked for, because asking for one by name
    /// may create it.
    func partitionCounts(_ deadline: Deadline) throws(KafkaError) -> [String: Int32] {
        var answer: UnsafePointer<rd_kafka_metadata>?
        let wait = Int32(clamping: max(1, deadline.remaining.inMilliseconds))
        let result = unsafe withHandle { handle, _ in
            unsafe rd_kafka_metadata(handle, 1, nil, &answer, wait)
        }
        guard result == RD_KAFKA_RESP_ERR_NO_ERROR, let answer = unsafe answer else {
            throw KafkaError(result, "list of topics")
        }
        defer { unsafe rd_kafka_metadata_destroy(answer) }
        var counts: [String: Int32] = [:]
        for index in 0..<Int(unsafe answer.pointee.topic_cnt) {
            let topic = unsafe answer.pointee.topics[index]
            guard unsafe topic.err == RD_KAFKA_RESP_ERR_NO_ERROR else { continue }
            unsafe counts[String(cString: topic.topic)] = topic.partition_cnt
        }
        return counts
    }

    /// Reads one partition without a group, from `offset` on.
    func assign(_ partitions: [TopicPartition], at offset: Int64) -> KafkaError? {
        let list = PartitionList(partitions, offset: offset)
        let result = unsafe list.withList { list in
            unsafe withHandle { handle, _ in unsafe rd_kafka_assign(handle, list) }
        }
        return result == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaError(result, "assign")
    }

    /// Asks for topics; the answer is an event of the queue.
    func createTopics(
        _ specifications: [TopicSpecification], _ deadline: Deadline
    ) throws(KafkaError) {
        var topics: [OpaquePointer?] = unsafe []
        defer {
            for unsafe topic in unsafe topics { unsafe rd_kafka_NewTopic_destroy(topic) }
        }
        var text = [CChar](repeating: 0, count: 512)
        for specification in specifications {
            guard
                let topic = unsafe rd_kafka_NewTopic_new(
                    specification.name, specification.partitions, specification.replication, &text,
                    text.count)
            else {
                throw KafkaError(
                    .configuration, "\(specification.name): \(errorText(text))")
            }
            unsafe topics.append(topic)
            for (name, value) in specification.configuration {
                unsafe rd_kafka_NewTopic_set_config(topic, name, value)
            }
        }
        let count = specifications.count
        let wait = Int32(clamping: max(1, deadline.remaining.inMilliseconds))
        unsafe withHandle { handle, queue in
            let options = unsafe rd_kafka_AdminOptions_new(handle, RD_KAFKA_ADMIN_OP_CREATETOPICS)
            defer { unsafe rd_kafka_AdminOptions_destroy(options) }
            var text = [CChar](repeating: 0, count: 512)
            // Bounds both the connection and the broker's work; a refusal leaves the default.
            unsafe rd_kafka_AdminOptions_set_request_timeout(options, wait, &text, text.count)
            unsafe rd_kafka_CreateTopics(handle, &topics, count, options, queue)
        }
    }
}
