/// What `Consumer.next()` returns, in the order it happened.
package enum ConsumerEvent: Sendable {
    /// These partitions are ours now; records follow from the committed offsets on.
    case assigned([TopicPartition])
    /// These partitions are no longer ours. Their stored offsets were committed first, unless the
    /// group had thrown us out; records read ahead were dropped.
    case revoked([TopicPartition])
    /// At least one record; those of one partition are in the order of their offsets.
    case records([ConsumedRecord])
    /// There is no committed offset, or it lies outside the log. The partition stands still until
    /// the owner decides; usually `seekToStart`.
    case resetRequired(TopicPartition)
    /// A connection broke, or every broker is away. The library reconnects by itself; the owner
    /// should look whether it is still the same cluster (D9).
    case disconnected
    /// Anything else. After a fatal one the owner closes this consumer and makes a new one.
    case error(KafkaError)
}
