/// One partition of one topic.
package struct TopicPartition: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let topic: String
    package let partition: Int32

    package init(_ topic: String, _ partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    package var description: String { "\(topic)/\(partition)" }

    package static func < (left: Self, right: Self) -> Bool {
        (left.topic, left.partition) < (right.topic, right.partition)
    }
}

/// A record to publish. The partition is always explicit: ours is murmur2 of the key (D7), and the
/// client library's own default would be another hash.
package struct ProducerRecord: Sendable {
    package var topic: String
    package var partition: Int32
    package var key: [UInt8]
    package var value: [UInt8]
    package var headers: [(String, [UInt8])]

    package init(
        topic: String, partition: Int32, key: [UInt8], value: [UInt8],
        headers: [(String, [UInt8])] = []
    ) {
        self.topic = topic
        self.partition = partition
        self.key = key
        self.value = value
        self.headers = headers
    }
}

/// A record that was read. `value` is nil for a tombstone.
package struct ConsumedRecord: Sendable {
    package var topic: String
    package var partition: Int32
    package var offset: Int64
    /// Milliseconds since 1970 as the producer or broker stamped them; -1 when unknown.
    package var timestampMilliseconds: Int64
    package var key: [UInt8]?
    package var value: [UInt8]?
    package var headers: [(name: String, value: [UInt8])]
    /// Which stay of the partition (from one assignment or seek to the next) delivered it. Passed
    /// to `Consumer.store`, it keeps an offset of an earlier stay from being stored in this one.
    package var generation: Int

    package init(
        topic: String, partition: Int32, offset: Int64, timestampMilliseconds: Int64 = -1,
        key: [UInt8]? = nil, value: [UInt8]? = nil, headers: [(name: String, value: [UInt8])] = [],
        generation: Int = 0
    ) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.timestampMilliseconds = timestampMilliseconds
        self.key = key
        self.value = value
        self.headers = headers
        self.generation = generation
    }

    /// Where the record was read, as `Consumer.store` and `seek` take it.
    package var topicPartition: TopicPartition { TopicPartition(topic, partition) }

    /// The first value of a header, or nil.
    package func header(_ name: String) -> [UInt8]? {
        headers.first { $0.name == name }?.value
    }

    /// What the record takes in a bounded buffer, in bytes.
    var weight: Int { (key?.count ?? 0) + (value?.count ?? 0) + 128 }
}
