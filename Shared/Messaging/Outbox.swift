import Basics
import Contracts
import Kafka
package import Postgres

/// The table through which every message leaves a service: written in the transaction that makes
/// the message true, published later by `OutboxRelay` (D5, D6).
package struct Outbox: Sendable {
    /// Shards of the relay; a key always falls into the same one, so one owner keeps its order.
    package static let shardCount: UInt32 = 16
    /// The largest payload the table accepts, in bytes.
    package static let payloadBytesMax = 262_144

    private let wake: @Sendable () -> Void

    /// `wake` is called after the commit, on the loop.
    package init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

    /// Adds messages to the transaction. The caller holds the row lock of their order (D6).
    package func append(_ messages: [OutgoingMessage], in transaction: Transaction) async throws {
        guard !messages.isEmpty else { return }
        _ = try await transaction.pipeline(messages.map(Self.statement(for:)))
        transaction.afterCommit(wake)
    }

    /// For callers who put the inserts into a pipeline of their own; they call `wakeAfter`, too.
    package static func statement(for message: OutgoingMessage) -> Statement {
        insert(
            messageID: message.envelope.messageID, topic: message.topic, key: message.key,
            type: message.envelope.type, version: message.envelope.version,
            headers: message.envelope.headers, payload: message.payload,
            causationID: message.envelope.causationID)
    }

    /// Wakes the relay when the transaction has committed.
    package func wakeAfter(_ transaction: Transaction) { transaction.afterCommit(wake) }

    static func insert(
        messageID: UniqueID, topic: Topic, key: [UInt8], type: String, version: Int,
        headers: [(name: String, value: [UInt8])], payload: [UInt8], causationID: UniqueID
    ) -> Statement {
        let hash = UInt32(bitPattern: Murmur2.hash(key))
        return Statement(
            """
            INSERT INTO outbox (message_id, shard, topic, part, msg_key, type, version, headers, payload, causation_id)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            """,
            [
                .id(messageID), .integer(Int64(hash % shardCount)), .text(topic.name),
                .integer(Int64(Murmur2.partition(key: key, count: topic.partitions))), .bytes(key),
                .text(type), .integer(Int64(version)), .json(HeaderJSON.encode(headers)),
                .bytes(payload), .id(causationID),
            ])
    }
}
