internal import CKafka

/// Copies a fetched message into a value that owns its bytes.
enum RecordCopy {
    @safe static func copy(
        _ message: UnsafePointer<rd_kafka_message_t>, _ place: TopicPartition
    ) -> ConsumedRecord {
        var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let timestamp = unsafe rd_kafka_message_timestamp(message, &kind)
        return ConsumedRecord(
            topic: place.topic, partition: place.partition, offset: unsafe message.pointee.offset,
            timestampMilliseconds: kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp,
            key: unsafe bytes(message.pointee.key, message.pointee.key_len),
            value: unsafe bytes(message.pointee.payload, message.pointee.len),
            headers: unsafe headers(message))
    }

    /// A null pointer is an absent key or a tombstone; a zero length is an empty one.
    private static func bytes(_ start: UnsafeMutableRawPointer?, _ count: Int) -> [UInt8]? {
        guard let start = unsafe start else { return nil }
        return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }

    private static func headers(
        _ message: UnsafePointer<rd_kafka_message_t>
    ) -> [(name: String, value: [UInt8])] {
        var list: OpaquePointer?
        guard unsafe rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR,
            let list = unsafe list
        else { return [] }
        var result: [(name: String, value: [UInt8])] = []
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var count = 0
        var index = 0
        while unsafe rd_kafka_header_get_all(list, index, &name, &value, &count)
            == RD_KAFKA_RESP_ERR_NO_ERROR
        {
            if let name = unsafe name {
                result.append(
                    (
                        name: unsafe String(cString: name),
                        value: unsafe [UInt8](UnsafeRawBufferPointer(start: value, count: count))
                    ))
            }
            index += 1
        }
        return result
    }
}
