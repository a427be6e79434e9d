internal import Basics
internal import CKafka

/// What waits for a group in a partition.
package struct PartitionRange: Sendable, Equatable {
    /// Where the group goes on: its committed offset, else the log's start.
    package let position: Int64
    /// The offset after the last record.
    package let end: Int64

    package init(position: Int64, end: Int64) {
        self.position = position
        self.end = end
    }
}

extension Consumer {
    /// Asks the broker how much of each partition the group has not handled yet.
    package func ranges(
        _ places: [TopicPartition]
    ) async throws(KafkaError) -> [TopicPartition: PartitionRange] {
        guard let client else { throw KafkaError(.closed, "the consumer was closed") }
        let limit = configuration.adminTimeout
        return try await BlockingThread.run("kafka-ranges") {
            () -> Result<[TopicPartition: PartitionRange], KafkaError> in
            let deadline = Deadline.after(limit)
            var ranges: [TopicPartition: PartitionRange] = [:]
            do throws(KafkaError) {
                let committed = try client.committed(places, deadline)
                for place in places {
                    let left = Int32(clamping: max(1, deadline.remaining.inMilliseconds))
                    let (low, high) = try client.watermarks(place, milliseconds: left)
                    let position = committed[place].map { max(low, $0) } ?? low
                    ranges[place] = PartitionRange(position: position, end: high)
                }
            } catch {
                return .failure(error)
            }
            return .success(ranges)
        }
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
