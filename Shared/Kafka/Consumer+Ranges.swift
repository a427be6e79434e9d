internal import Basics
internal import CKafka

/// What waits for a group in a partition.
package struct PartitionRange: Sendable, Equatable {
    /// The group's committed offset; nil when it has none.
    package let committed: Int64?
    /// The offset of the first record that is still there.
    package let start: Int64
    /// The offset after the last record.
    package let end: Int64

    package init(committed: Int64?, start: Int64, end: Int64) {
        self.committed = committed
        self.start = start
        self.end = end
    }

    /// Where the group goes on.
    package var position: Int64 { committed ?? start }

    /// The group knew records that this log does not have: its tail is gone, or its beginning was
    /// dropped before we read it (D9).
    package var isOutOfRange: Bool {
        committed.map { $0 > end || $0 < start } ?? false
    }
}

extension Consumer {
    /// The present stay of each partition that is ours: what its next records are stamped with.
    package func generations(_ places: [TopicPartition]) -> [TopicPartition: Int] {
        var generations: [TopicPartition: Int] = [:]
        for place in places { generations[place] = ledger.generation(of: place) }
        return generations
    }

    /// Asks the broker how much of each partition the group has not handled yet.
    package func ranges(
        _ places: [TopicPartition]
    ) async throws(KafkaError) -> [TopicPartition: PartitionRange] {
        guard let client else { throw KafkaError(.closed, "the consumer was closed") }
        let limit = configuration.adminTimeout
        let found = try await BlockingThread.run("kafka-ranges", atMost: limit) {
            () -> Result<[TopicPartition: PartitionRange], KafkaError> in
            let deadline = Deadline.after(limit)
            var ranges: [TopicPartition: PartitionRange] = [:]
            do throws(KafkaError) {
                let committed = try client.committed(places, deadline)
                for place in places {
                    let left = Int32(clamping: max(1, deadline.remaining.inMilliseconds))
                    let (low, high) = try client.watermarks(place, milliseconds: left)
                    ranges[place] = PartitionRange(
                        committed: committed[place], start: low, end: high)
                }
            } catch {
                return .failure(error)
            }
            return .success(ranges)
        }
        for (place, range) in found { ledger.begins(place, at: range.position) }
        return found
    }
}

extension Client {
    /// The group's committed offsets; partitions without one are missing. Blocks.
    func committed(
        _ places: [TopicPartition], _ deadline: Deadline
    ) throws(KafkaError) -> [TopicPartition: Int64] {
        let list = PartitionList(places)
        let wait = Int32(clamping: max(1, deadline.remaining.inMilliseconds))
        let result = unsafe list.withList { list in
            unsafe withHandle { handle, _ in unsafe rd_kafka_committed(handle, list, wait) }
        }
        guard result == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw KafkaError(result, "committed offsets")
        }
        return unsafe list.withList { list in
            var offsets: [TopicPartition: Int64] = [:]
            for index in 0..<Int(unsafe list.pointee.cnt) {
                let entry = unsafe list.pointee.elems[index]
                guard unsafe entry.offset >= 0 else { continue }
                offsets[unsafe TopicPartition(String(cString: entry.topic), entry.partition)] =
                    unsafe entry.offset
            }
            return offsets
        }
    }
}
