internal import CKafka

/// Owns a C list of partitions; destroyed with the value.
@safe struct PartitionList: ~Copyable {
    private let list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    init(_ partitions: [TopicPartition], offset: Int64 = Int64(RD_KAFKA_OFFSET_INVALID)) {
        self.init(partitions.map { ($0, offset) })
    }

    init(_ positions: [(TopicPartition, Int64)]) {
        unsafe list = rd_kafka_topic_partition_list_new(Int32(positions.count))
        for (place, offset) in positions {
            if let entry = unsafe rd_kafka_topic_partition_list_add(
                list, place.topic, place.partition)
            {
                unsafe entry.pointee.offset = offset
            }
        }
    }

    deinit { unsafe rd_kafka_topic_partition_list_destroy(list) }

    /// The pointer is valid only inside `body`.
    @unsafe func withList<T>(
        _ body: (UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) -> T
    ) -> T {
        unsafe body(list)
    }

    /// The partitions of a list that somebody else owns.
    @safe static func copy(
        _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
    ) -> [TopicPartition] {
        guard let list = unsafe list else { return [] }
        return (0..<Int(unsafe list.pointee.cnt)).map { index in
            unsafe TopicPartition(
                String(cString: list.pointee.elems[index].topic),
                list.pointee.elems[index].partition)
        }
    }
}
