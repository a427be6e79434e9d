import Basics
import Contracts
import Messaging
import Postgres
import Saga
import Support
import Telemetry
import Testing

/// The tables themselves refuse what the rules forbid (correctness.md §3), whoever writes.
@Suite struct SagaTablesTests {
    private let store = SagaStore(type: "checkout")

    private func withTables(
        _ name: String, _ body: @Sendable (Pool) async throws -> Void
    ) async throws {
        let database = try await ScratchPostgres.shared.database(name)
        try await TestLoop.run { loop in
            try await Migrator.migrate(
                ownerConnection: database.ownerConninfo,
                migrations: ServiceMessaging.migrations + SagaStore.migrations + [
                    Migration(
                        name: "m0999_edges",
                        sql: """
                            INSERT INTO saga_edges VALUES ('checkout', 'NEW', 'RESERVING'),
                                ('checkout', 'RESERVING', 'AUTHORIZING'), ('checkout', 'AUTHORIZING', 'CANCELLED')
                            """)
                ], loop: loop, logger: QuietLog.logger())
            let pool = Pool(
                configuration: PoolConfiguration(conninfo: database.appConninfo), loop: loop,
                logger: QuietLog.logger(), metrics: MetricsRegistry())
            do {
                try await body(pool)
                await pool.close()
            } catch {
                await pool.close()
                throw error
            }
        }
    }

    private func begin(_ order: OrderID, _ pool: Pool) async throws {
        let statements = store.begin(
            order, in: "RESERVING", opening: .reserve,
            schedule: .init(nextAttempt: .zero, deadline: .seconds(60)), traceparent: nil)
        try await pool.transaction { _ = try await $0.pipeline(statements) }
    }

    private func move(_ to: String, terminal: Bool = false) -> SagaMove {
        SagaMove(
            to: to, cause: "test", causeMessageID: .v7(), opens: terminal ? [] : [.authorize],
            closes: [.init(.reserve, .ok, replyCode: "Reserved")],
            openSteps: terminal ? [] : [.authorize],
            schedule: terminal ? nil : .init(nextAttempt: .zero, deadline: .seconds(60)))
    }

    @Test func `sagas under way are counted by state, those past their budget too`() async throws {
        try await withTables("saga_census") { pool async throws in
            let metrics = MetricsRegistry()
            let census = SagaCensus(
                type: "checkout", states: ["RESERVING", "AUTHORIZING"], pool: pool, loop: pool.loop,
                logger: QuietLog.logger(), metrics: metrics)
            try await census.count()
            #expect(metrics.render().contains(#"saga_instances{state="RESERVING"} 0"#))
            let orders = (0..<3).map { _ in OrderID.make() }
            for order in orders { try await begin(order, pool) }
            try await pool.transaction { transaction in
                let loaded = try #require(try await store.load(orders[0], in: transaction))
                #expect((loaded.saga.steps[.reserve]?.age ?? .zero) > .zero)
                _ = try await transaction.pipeline(store.apply(move("AUTHORIZING"), to: loaded.saga))
            }
            _ = try await pool.execute(store.park(orders[1], reason: "test"))
            _ = try await pool.execute(
                Statement(
                    "UPDATE saga_instances SET deadline_at = now() - interval '1 s' WHERE order_id = $1",
                    [.id(orders[2].value)]))
            try await census.count()
            let page = metrics.render()
            #expect(page.contains(#"saga_instances{state="RESERVING"} 2"#))
            #expect(page.contains(#"saga_instances{state="AUTHORIZING"} 1"#))
            #expect(page.contains("saga_parked 1\n"))
            #expect(page.contains("saga_overdue 1\n"))
        }
    }

    @Test func `a saga is stored, loaded and moved along its edges`() async throws {
        try await withTables("saga_legal") { pool async throws in
            let order = OrderID.make()
            try await begin(order, pool)
            try await pool.transaction { transaction in
                let loaded = try #require(try await store.load(order, in: transaction))
                #expect(loaded.saga.state == "RESERVING")
                #expect(loaded.saga.openSteps == [.reserve])
                #expect(loaded.saga.steps[.reserve]?.sequence == 1)
                _ = try await transaction.pipeline(
                    store.apply(move("AUTHORIZING"), to: loaded.saga))
            }
            try await pool.transaction { transaction in
                let loaded = try #require(try await store.load(order, in: transaction))
                #expect(loaded.saga.version == 2)
                #expect(loaded.saga.steps[.authorize]?.sequence == 2)
                _ = try await transaction.pipeline(
                    store.resend(loaded.saga, wait: .seconds(5), parkedReason: nil))
            }
            let saga = try await pool.transaction { try await store.load(order, in: $0)?.saga }
            #expect(saga?.steps[.authorize]?.sends == 2)
            #expect(saga?.tries == 1)
        }
    }

    @Test func `an edge that is not in the table cannot be written`() async throws {
        try await withTables("saga_edge") { pool async throws in
            let order = OrderID.make()
            try await begin(order, pool)
            await #expect(throws: PostgresError.self) {
                try await pool.transaction { transaction in
                    let saga = try #require(try await store.load(order, in: transaction)).saga
                    _ = try await transaction.pipeline(
                        store.apply(move("CANCELLED", terminal: true), to: saga))
                }
            }
        }
    }

    @Test func `a skipped seq and a wrong starting state cannot be written`() async throws {
        try await withTables("saga_chain") { pool async throws in
            let order = OrderID.make()
            try await begin(order, pool)
            for (seq, from) in [(3, "RESERVING"), (2, "AUTHORIZING")] {
                await #expect(throws: PostgresError.self) {
                    try await pool.execute(
                        Statement(
                            """
                            INSERT INTO saga_log (order_id, saga_type, seq, from_state, to_state, cause)
                            VALUES ($1, 'checkout', $2, $3, 'CANCELLED', 'forged')
                            """, [.id(order.value), .integer(Int64(seq)), .text(from)]))
                }
            }
        }
    }

    @Test func `an instance that disagrees with its log does not commit`() async throws {
        try await withTables("saga_agree") { pool async throws in
            let order = OrderID.make()
            try await begin(order, pool)
            await #expect(throws: PostgresError.self) {
                try await pool.execute(
                    Statement(
                        "UPDATE saga_instances SET state = 'AUTHORIZING' WHERE order_id = $1",
                        [.id(order.value)]))
            }
        }
    }

    @Test func `history cannot be changed`() async throws {
        try await withTables("saga_history") { pool async throws in
            let order = OrderID.make()
            try await begin(order, pool)
            for sql in ["UPDATE saga_log SET cause = 'other'", "DELETE FROM saga_log"] {
                await #expect(throws: PostgresError.self) { try await pool.execute(Statement(sql)) }
            }
        }
    }

    @Test func `one message causes one transition`() async throws {
        try await withTables("saga_cause") { pool async throws in
            let (one, two) = (OrderID.make(), OrderID.make())
            let move = move("AUTHORIZING")
            for order in [one, two] { try await begin(order, pool) }
            let apply: @Sendable (OrderID) async throws -> Void = { order in
                try await pool.transaction { transaction in
                    let saga = try #require(try await store.load(order, in: transaction)).saga
                    _ = try await transaction.pipeline(store.apply(move, to: saga))
                }
            }
            try await apply(one)
            await #expect(throws: PostgresError.self) { try await apply(two) }
        }
    }

    @Test func `due sagas are fired once each, and waking makes all due`() async throws {
        try await withTables("saga_timers") { pool async throws in
            let orders = (0..<20).map { _ in OrderID.make() }
            for order in orders { try await begin(order, pool) }
            let seen = Seen()
            let timers = SagaTimers(
                type: "checkout", pool: pool, loop: pool.loop, logger: QuietLog.logger()
            ) { order in
                try await pool.transaction { transaction in
                    guard let saga = try await store.load(order, dueOnly: true, in: transaction)
                    else { return false }
                    seen.add(order)
                    _ = try await transaction.pipeline(
                        store.resend(saga.saga, wait: .seconds(600), parkedReason: nil))
                    return true
                }
            }
            #expect(try await timers.fire() == 20)
            #expect(try await timers.fire() == 0)
            #expect(seen.sorted == orders.sorted())
            let wake = SagaStore.wakeAll(within: .zero)
            #expect(try await pool.execute(wake) == 0, "no epoch, nothing to wake")
            try await beginEpoch(1, pool)
            #expect(try await pool.execute(wake) == 20)
            #expect(try await timers.fire() == 20)
            // The next wait is long again, and yet there is an end to the waking.
            #expect(try await pool.execute(wake) == 0)
            try await begin(OrderID.make(), pool)
            #expect(try await pool.execute(wake) == 0, "began within the epoch")
            try await beginEpoch(2, pool)
            #expect(try await pool.execute(wake) == 21)
        }
    }

    private func beginEpoch(_ epoch: Int64, _ pool: Pool) async throws {
        try await pool.execute(
            Statement(
                """
                INSERT INTO broker_epochs (epoch, cluster_id, canary, cause)
                VALUES ($1, 'test', gen_random_uuid(), 'test')
                """, [.integer(epoch)]))
    }

    @Test func `sagas whose timer fails do not keep the others from their turn`() async throws {
        try await withTables("saga_starved") { pool async throws in
            let broken = (0..<SagaTimers.batchMax).map { _ in OrderID.make() }
            for order in broken { try await begin(order, pool) }
            let good = OrderID.make()
            try await begin(good, pool)
            let (seen, failing) = (Seen(), Set(broken))
            let timers = SagaTimers(
                type: "checkout", pool: pool, loop: pool.loop, logger: QuietLog.logger(),
                backoff: .init(base: .seconds(600), cap: .seconds(600))
            ) { order in
                if failing.contains(order) { throw PostgresError(.connectionLost, "test") }
                seen.add(order)
                return true
            }
            // None was handled, so the loop sleeps; and the next scan comes to the good one.
            #expect(try await timers.fire() == 0)
            #expect(try await timers.fire() == 1)
            #expect(seen.sorted == [good])
            let failures = try await pool.query(
                Statement("SELECT sum(failures)::bigint AS n FROM saga_instances"))
            #expect(try failures[0].integer("n") == Int64(SagaTimers.batchMax))
        }
    }
}
