import Basics
import Postgres

/// The SQL of `broker_epochs`.
struct EpochStore: Sendable {
    /// Held shared while rows are marked as published, and exclusively while an epoch is recorded:
    /// a mark is either seen by the refill, or refused because the epoch is over.
    static let lockKey: Int64 = 0x6d65_7263_6570_6f63
    /// Rounds of one refill statement; each is bounded by its own LIMIT.
    static let refillRoundsMax = 100_000

    let pool: Pool

    func latest() async throws -> BrokerEpoch? {
        let rows = try await pool.query(
            Statement(
                """
                SELECT epoch, cluster_id, canary, canary_at IS NOT NULL AS canary_out,
                    refilled_at IS NOT NULL AS refilled
                FROM broker_epochs ORDER BY epoch DESC LIMIT 1
                """))
        return try rows.first.map {
            BrokerEpoch(
                epoch: try $0.integer("epoch"), clusterID: try $0.text("cluster_id"),
                canary: try $0.id("canary").description, isCanaryOut: try $0.boolean("canary_out"),
                isRefilled: try $0.boolean("refilled"))
        }
    }

    /// False when the epoch was recorded by somebody else.
    func insert(_ epoch: BrokerEpoch, cause: String) async throws -> Bool {
        try await pool.transaction { transaction in
            let results = try await transaction.pipeline([
                Statement("SELECT pg_advisory_xact_lock($1)", [.integer(Self.lockKey)]),
                Statement(
                    """
                    INSERT INTO broker_epochs (epoch, cluster_id, canary, cause) VALUES ($1, $2, $3::uuid, $4)
                    ON CONFLICT (epoch) DO NOTHING
                    """,
                    [
                        .integer(epoch.epoch), .text(epoch.clusterID), .text(epoch.canary),
                        .text(cause),
                    ]),
            ])
            return results[1].affected == 1
        }
    }

    func noteCanary(of epoch: Int64) async throws {
        try await pool.execute(
            Statement(
                "UPDATE broker_epochs SET canary_at = clock_timestamp() WHERE epoch = $1",
                [.integer(epoch)]))
    }

    /// Runs each statement until it changes nothing, then notes that. Cut short, it is begun again
    /// at the next look: every statement may be repeated.
    func refill(_ epoch: Int64, with statements: [Statement]) async throws {
        for statement in statements {
            for _ in 0..<Self.refillRoundsMax {
                guard try await pool.execute(statement) > 0 else { break }
            }
        }
        try await pool.execute(
            Statement(
                "UPDATE broker_epochs SET refilled_at = clock_timestamp() WHERE epoch = $1",
                [.integer(epoch)]))
    }
}
