import Basics
import Kafka
import Postgres

/// One unpublished row as the relay sees it.
struct OutboxRow: Sendable {
    let messageID: UniqueID
    let type: String
    let headers: String
    let record: ProducerRecord
    /// False when the headers column holds something that nobody of ours wrote.
    let isReadable: Bool

    /// What was acknowledged, and in which epoch it was read.
    struct Acknowledged: Sendable {
        var ids: [UniqueID] = []
        var epoch: Int64 = 0
    }

    /// What waits, and the epoch it was read in.
    struct Batch: Sendable {
        let rows: [OutboxRow]
        let epoch: Int64
        /// When the epoch began: rows published before it wait for the new log since then only.
        let began: WallTime?
    }

    /// Marks what was acknowledged and reads what waits, in one round trip.
    ///
    /// An acknowledgement of an epoch that is over counts for nothing: the log that gave it is
    /// lost, and the row must go to the new one (D9).
    static func next(
        marking done: Acknowledged, of shards: Set<Int64>, limit: Int, over connection: Connection
    ) async throws -> Batch {
        let mark = [
            Statement("SELECT pg_advisory_xact_lock_shared($1)", [.integer(EpochStore.lockKey)]),
            Statement(
                """
                UPDATE outbox SET published_at = clock_timestamp() WHERE message_id = ANY($1)
                AND $2 = (SELECT coalesce(max(epoch), 0) FROM broker_epochs)
                """, [.ids(done.ids), .integer(done.epoch)]),
        ]
        let epoch = Statement(
            "SELECT coalesce(max(epoch), 0) AS epoch, max(first_seen) AS began FROM broker_epochs")
        let read = Statement(
            """
            SELECT message_id, topic, part, msg_key, type, headers, payload FROM outbox
            WHERE published_at IS NULL AND shard = ANY($1) ORDER BY seq LIMIT $2
            """, [.integers(shards.sorted()), .integer(Int64(limit))])
        let results = try await connection.pipeline(
            (done.ids.isEmpty ? [] : mark) + [epoch, read])
        guard let rows = results.last?.rows, let now = results.dropLast().last?.rows.first else {
            return Batch(rows: [], epoch: 0, began: nil)
        }
        return Batch(
            rows: try rows.map(OutboxRow.init(row:)), epoch: try now.integer("epoch"),
            began: try now.optionalTime("began"))
    }

    private init(row: Row) throws {
        messageID = try row.id("message_id")
        type = try row.text("type")
        headers = try row.text("headers")
        record = ProducerRecord(
            topic: try row.text("topic"), partition: Int32(try row.integer("part")),
            key: try row.bytes("msg_key"), value: try row.bytes("payload"),
            headers: (HeaderJSON.decode(headers) ?? []).map { ($0.name, $0.value) })
        isReadable = HeaderJSON.decode(headers) != nil
    }

    /// The row as a dead letter of the relay itself: nothing is lost, the lane goes on (D6). One that
    /// was handed back by a replay and is refused again waits again.
    func deadLetter(_ error: KafkaError) -> Statement {
        Statement(
            """
            INSERT INTO dead_letters (id, consumer, message_id, type, topic, part, record_offset,
                msg_key, headers, payload, error_class, error_code, error, attempts, broker_epoch)
            VALUES ($1, 'outbox', $1, $2, $3, $4, -1, $5, $6, $7, 'unpublishable', $8, left($9, 256), 1,
                (SELECT coalesce(max(epoch), 0) FROM broker_epochs))
            ON CONFLICT (consumer, message_id) DO UPDATE SET state = 'PARKED',
                error_code = excluded.error_code, error = excluded.error, settled_at = NULL
            """,
            [
                .id(messageID), .text(type), .text(record.topic),
                .integer(Int64(record.partition)), .bytes(record.key), .json(headers),
                .bytes(record.value), .text("\(error.code)"), .text(error.message),
            ])
    }
}
