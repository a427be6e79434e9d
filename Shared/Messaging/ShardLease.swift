import Postgres
import Synchronization

/// The shards a relay owns: session advisory locks, gone with the session (D6).
final class ShardLease: Sendable {
    /// Names the lock family in `pg_locks`.
    static let lockClass: Int64 = 0x6d_6f_78

    private let connection: Connection
    private let shards = Mutex<Set<Int64>>([])

    var owned: Set<Int64> { shards.withLock { $0 } }

    init(connection: Connection) { self.connection = connection }

    /// Shows the server that we live, and takes shards that nobody owns.
    func extend() async throws {
        let rows = try await connection.query(
            Statement(
                """
                SELECT shard FROM generate_series(0, 15) AS shard
                WHERE shard <> ALL($2) AND pg_try_advisory_lock($1::integer, shard)
                """, [.integer(Self.lockClass), .integers(owned.sorted())]))
        for row in rows {
            let shard = try row.integer("shard")
            shards.withLock { _ = $0.insert(shard) }
        }
    }
}
