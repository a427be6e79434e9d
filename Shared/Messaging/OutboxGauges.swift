import Basics
import Postgres
import Synchronization
import Telemetry

/// The age of the oldest waiting row, computed when somebody looks: a relay that waits for a broker
/// does not come to tell.
final class WaitingSince: Sendable {
    /// Microseconds since 1970; 0 when nothing waits.
    private let since = Mutex<Int64>(0)

    init(_ metrics: MetricsRegistry) {
        let age = metrics.gauge(
            "outbox_oldest_age_seconds", help: "Age of the oldest row not yet published.")
        metrics.beforeRender { [weak self] in age.set(self?.seconds(at: .now()) ?? 0) }
    }

    func set(_ time: WallTime?) { since.withLock { $0 = time?.microseconds ?? 0 } }

    func seconds(at now: WallTime) -> Double {
        let since = since.withLock { $0 }
        return since == 0 ? 0 : Double(max(0, now.microseconds - since)) / 1e6
    }
}

/// How many rows wait, over all replicas: each shows the same number.
struct OutboxDepth: Sendable {
    /// Counting stops here, so that a long outage does not make the question expensive.
    static let countMax = 10_000

    private let rows: Gauge

    init(_ metrics: MetricsRegistry) {
        rows = metrics.gauge(
            "outbox_unpublished_rows",
            help: "Rows not yet published, of all replicas; counted up to \(Self.countMax).")
    }

    /// One query on the small index of unpublished rows.
    func measure(_ pool: Pool) async throws {
        let counted = try await pool.query(
            Statement(
                """
                SELECT count(*) AS n FROM (
                    SELECT 1 FROM outbox WHERE published_at IS NULL LIMIT $1) AS waiting
                """, [.integer(Int64(Self.countMax))]))
        if let row = counted.first { rows.set(Double(try row.integer("n"))) }
    }
}
