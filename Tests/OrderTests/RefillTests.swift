import Basics
import Contracts
import Postgres
import Support
import Testing

@testable import OrderService

/// What goes out again after a broker loss (D9).
@Suite struct RefillTests {
    private func beginEpoch(_ epoch: Int64, _ bench: OrderBench) async throws {
        try await bench.pool.execute(
            Statement(
                """
                INSERT INTO broker_epochs (epoch, cluster_id, canary, cause)
                VALUES ($1, 'test', gen_random_uuid(), 'test')
                """, [.integer(epoch)]))
    }

    /// Runs a statement until it changes nothing; returns what each run affected.
    private func runs(_ statement: Statement, _ bench: OrderBench) async throws -> [Int] {
        var runs: [Int] = []
        repeat { runs.append(try await bench.pool.execute(statement)) } while runs.last != 0
        return runs
    }

    @Test func `events of all days go out again, some thousands at a time, and once`() async throws
    {
        try await OrderBench.run { bench async throws in
            let events = OrderApplication.refill(wakeSpread: .seconds(2))[0]
            try await bench.database.asSuperuser(
                """
                INSERT INTO outbox (message_id, shard, topic, part, msg_key, type, version, headers,
                    payload, causation_id, published_at)
                SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || '7'
                    || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid,
                    0, CASE WHEN n % 2 = 0 THEN 'order.events.v1' ELSE 'payment.commands.v1' END,
                    0, '', 'OrderConfirmed', 1, '[]', '', gen_random_uuid(),
                    now() - n * interval '40 s'
                FROM generate_series(1, 12000) AS n
                """)
            #expect(try await runs(events, bench) == [0], "no epoch, no refill")
            try await beginEpoch(1, bench)
            #expect(try await runs(events, bench) == [OrderApplication.refillMax, 1_000, 0])
            // Published again, within the epoch.
            try await bench.pool.execute(
                Statement(
                    "UPDATE outbox SET published_at = clock_timestamp() WHERE published_at IS NULL")
            )
            #expect(try await runs(events, bench) == [0])
            try await beginEpoch(2, bench)
            #expect(try await runs(events, bench) == [5_000, 1_000, 0])
            let commands = try await bench.pool.query(
                Statement(
                    """
                    SELECT count(*) AS n FROM outbox
                    WHERE topic = 'payment.commands.v1' AND published_at IS NOT NULL
                    """))
            #expect(
                try commands[0].integer("n") == 6_000, "commands are asked again by their sagas")
        }
    }

    @Test func `published events are found through their index`() async throws {
        try await OrderBench.run { bench async throws in
            let sql = OrderApplication.refill(wakeSpread: .zero)[0].sql
                .replacing("$1", with: "5000")
            let plan = try await bench.database.asSuperuser(
                "SET enable_seqscan = off; EXPLAIN \(sql)")
            #expect(plan.contains("published_at_idx"))
        }
    }

    @Test func `every open saga asks again, and finished ones do not`() async throws {
        try await OrderBench.run { bench async throws in
            let open = try await Dialogue.begin(bench, at: .authorizing)
            _ = try await Dialogue.begin(bench, at: .confirmed)
            try await beginEpoch(1, bench)
            let wake = OrderApplication.refill(wakeSpread: .zero)[1]
            #expect(try await runs(wake, bench) == [1, 0])
            let due = try await bench.pool.transaction {
                try await bench.driver.tick(open.order.id, mayJudgeBudget: false, in: $0)
            }
            #expect(due)
            #expect(try await open.types() == ["Reserve", "Authorize", "Authorize"])
        }
    }
}
