internal import CKafka

/// What a consumer asks of its client. Nothing here blocks except where it says so.
extension Client {
    func subscribe(_ topics: [String]) throws(KafkaError) {
        let list = PartitionList(topics.map { TopicPartition($0, -1) })
        let result = unsafe list.withList { list in
            unsafe withHandle { handle, _ in unsafe rd_kafka_subscribe(handle, list) }
        }
        guard result == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(result, "subscribe") }
    }

    /// Takes the partitions on, in place of those it had. Reading starts at each one's offset, or
    /// at the committed one where it is nil.
    func assign(_ positions: [(TopicPartition, Int64?)]) -> KafkaError? {
        let list = PartitionList(positions.map { ($0.0, $0.1 ?? Int64(RD_KAFKA_OFFSET_INVALID)) })
        return unsafe report("assign", list) { handle, list in
            unsafe rd_kafka_assign(handle, list)
        }
    }

    /// Gives every partition back.
    func unassign() -> KafkaError? {
        unsafe withHandle { handle, _ in
            let result = unsafe rd_kafka_assign(handle, nil)
            return result == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaError(result, "unassign")
        }
    }

    /// The group threw us out, so a commit would be refused.
    var isAssignmentLost: Bool {
        unsafe withHandle { handle, _ in unsafe rd_kafka_assignment_lost(handle) == 1 }
    }

    /// Asks for a commit of all stored offsets; the answer is an event with `token`.
    func commitStored(token: UInt) -> KafkaError? {
        unsafe withHandle { handle, queue in
            let result = unsafe rd_kafka_commit_queue(
                handle, nil, queue, nil, UnsafeMutableRawPointer(bitPattern: token))
            return result == RD_KAFKA_RESP_ERR_NO_ERROR
                ? nil : KafkaError(result, "commit of stored offsets")
        }
    }

    func store(_ place: TopicPartition, nextOffset: Int64) -> KafkaError? {
        let list = PartitionList([(place, nextOffset)])
        return unsafe report("store of an offset", list) { handle, list in
            unsafe rd_kafka_offsets_store(handle, list)
        }
    }

    func pause(_ partitions: [TopicPartition]) -> KafkaError? {
        let list = PartitionList(partitions)
        return unsafe report("pause", list) { handle, list in
            unsafe rd_kafka_pause_partitions(handle, list)
        }
    }

    func resume(_ partitions: [TopicPartition]) -> KafkaError? {
        let list = PartitionList(partitions)
        return unsafe report("resume", list) { handle, list in
            unsafe rd_kafka_resume_partitions(handle, list)
        }
    }

    /// Moves the reading position without waiting. What was fetched for the old position is
    /// discarded by the library, which stamps its operations with a version.
    func seek(_ positions: [(TopicPartition, Int64)]) -> KafkaError? {
        let list = PartitionList(positions)
        let failure = unsafe list.withList { list in
            unsafe withHandle { handle, _ in unsafe rd_kafka_seek_partitions(handle, list, 0) }
        }
        guard let failure = unsafe failure else { return nil }
        return KafkaError(consuming: failure, "seek")
    }

    /// First and next offset of a partition as the last fetch answer told it; nil before the first.
    func knownRange(_ place: TopicPartition) -> (low: Int64, end: Int64)? {
        var low: Int64 = -1
        var high: Int64 = -1
        let result = unsafe withHandle { handle, _ in
            unsafe rd_kafka_get_watermark_offsets(
                handle, place.topic, place.partition, &low, &high)
        }
        return result == RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0 ? (max(0, low), high) : nil
    }

    /// First and next offset of a partition, asked of the broker. Blocks.
    func watermarks(
        _ place: TopicPartition, milliseconds: Int32
    ) throws(KafkaError) -> (low: Int64, high: Int64) {
        var low: Int64 = -1
        var high: Int64 = -1
        let result = unsafe withHandle { handle, _ in
            unsafe rd_kafka_query_watermark_offsets(
                handle, place.topic, place.partition, &low, &high, milliseconds)
        }
        guard result == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw KafkaError(result, "end offset of \(place)")
        }
        return (low, high)
    }

    /// Commits what is stored and leaves the group. Blocks for up to the session time-out; the
    /// library itself gives the partitions back during this call.
    func closeConsumer() -> KafkaError? {
        unsafe withHandle { handle, _ in
            let result = unsafe rd_kafka_consumer_close(handle)
            return result == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaError(result, "close")
        }
    }

    /// Calls `body` with the list and turns its answer into an error, if it is one.
    @unsafe private func report(
        _ doing: String, _ list: borrowing PartitionList,
        _ body: (OpaquePointer, UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) ->
            rd_kafka_resp_err_t
    ) -> KafkaError? {
        let result = unsafe list.withList { list in
            unsafe withHandle { handle, _ in unsafe body(handle, list) }
        }
        return result == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaError(result, doing)
    }
}
