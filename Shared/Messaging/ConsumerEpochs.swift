import Kafka
import Postgres

/// The SQL of `consumer_epochs`: which epoch each partition of a consumer has followed.
struct ConsumerEpochs: Sendable {
    let pool: Pool
    let consumer: String
    let topic: String

    /// The newest epoch, and what each partition has followed; nothing yet counts as 0.
    func state() async throws -> (current: Int64, followed: [Int32: Int64]) {
        let results = try await pool.batch([
            Statement("SELECT coalesce(max(epoch), 0) AS epoch FROM broker_epochs"),
            Statement(
                "SELECT part, epoch FROM consumer_epochs WHERE consumer = $1 AND topic = $2",
                [.text(consumer), .text(topic)]),
        ])
        var followed: [Int32: Int64] = [:]
        for row in results[1].rows {
            followed[Int32(try row.integer("part"))] = try row.integer("epoch")
        }
        return (try results[0].rows[0].integer("epoch"), followed)
    }

    func note(_ partition: Int32, _ epoch: Int64) async throws {
        try await pool.execute(
            Statement(
                """
                INSERT INTO consumer_epochs (consumer, topic, part, epoch) VALUES ($1, $2, $3, $4)
                ON CONFLICT (consumer, topic, part)
                DO UPDATE SET epoch = greatest(consumer_epochs.epoch, EXCLUDED.epoch)
                """,
                [.text(consumer), .text(topic), .integer(Int64(partition)), .integer(epoch)]))
    }
}
