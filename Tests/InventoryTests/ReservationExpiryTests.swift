import Basics
import Contracts
import Postgres
import Sockets
import Support
import Telemetry
import Testing

@testable import InventoryService

@Suite(.timeLimit(.minutes(2))) struct ReservationExpiryTests {
    let lamp: SKU

    init() throws { lamp = try #require(SKU("LAMP-1")) }

    /// Lets an hour pass for all holds, which only a superuser can.
    private static func anHourLater(_ inventory: InventoryHarness) async throws {
        try await inventory.database.asSuperuser(
            "UPDATE reservations SET held_at = held_at - interval '1 hour' WHERE status = 'HELD'")
    }

    private static func job(_ inventory: InventoryHarness, tracer: Tracer = .disabled)
        -> ReservationExpiry
    {
        ReservationExpiry(
            pool: inventory.pool, store: inventory.store, loop: inventory.loop,
            logger: QuietLog.logger(), metrics: inventory.metrics, scanInterval: .seconds(1),
            tracer: tracer)
    }

    @Test func `the job goes on in the trace that made the hold`() async throws {
        let lamp = lamp
        let (sink, checkout) = (MemorySpans(), TraceContext.root())
        try await InventoryHarness.run { inventory in
            try await inventory.article(lamp, pieces: 5)
            let id = UniqueID.v7()
            try await Span(unrecorded: checkout).bind {
                _ = try await inventory.send(
                    InventoryHarness.reserve([(lamp, 2)], ttl: 900), for: .make(), id: id)
            }
            let job = Self.job(inventory, tracer: Tracer(sink: sink))
            #expect(try await !job.freeOne())
            #expect(sink.spans.isEmpty, "a look that finds nothing is no span")
            try await Self.anHourLater(inventory)
            #expect(try await job.freeOne())
            let expiry = try #require(sink.spans.first)
            #expect(expiry.name == "reservation expiry" && expiry.parentSpanID == checkout.spanID)
            let told = try await inventory.pool.query(
                Statement("SELECT headers::text AS h FROM outbox WHERE type = 'ReservationExpired'"))
            #expect(try told.first?.text("h").contains(expiry.context.traceparent) == true)
        }
    }

    @Test func `a hold past its time is freed, and the order is told without a step`() async throws
    {
        let lamp = lamp
        try await InventoryHarness.run { inventory in
            try await inventory.article(lamp, pieces: 5)
            let (order, id) = (OrderID.make(), UniqueID.v7())
            try await inventory.send(
                InventoryHarness.reserve([(lamp, 2)], ttl: 900), for: order, id: id)
            try await Self.anHourLater(inventory)
            #expect(try await Self.job(inventory).freeOne())
            #expect(try await inventory.status(of: order) == ["RELEASED", "expired"])
            #expect(
                try await inventory.stock(lamp) == StockLevel(onHand: 5, held: 0, version: 3))
            let hint = try await inventory.replies(causedBy: id).last
            #expect(
                hint
                    == .init(
                        type: "ReservationExpired", payload: "{}", step: nil, stepSequence: nil,
                        topic: "order.replies.v1"))
            #expect(try await !Self.job(inventory).freeOne())
            let late = try await inventory.send(InventoryCommands.CommitStock(), for: order)
            #expect(late.map(\.payload) == [#"{"reason":"expired"}"#])
            #expect(try await inventory.offenders() == [])
            let dishonest = try await inventory.pool.query(
                Statement(
                    """
                    SELECT order_id FROM reservations
                    WHERE reason = 'expired' AND released_at - held_at < ttl
                    """))
            #expect(dishonest.isEmpty)
        }
    }

    @Test func `a hold within its time stays, and is waited for`() async throws {
        let lamp = lamp
        try await InventoryHarness.run { inventory in
            try await inventory.article(lamp, pieces: 5)
            let order = OrderID.make()
            #expect(await Self.job(inventory).scan() == .seconds(1))
            try await inventory.send(
                InventoryHarness.reserve([(lamp, 2)], ttl: 900), for: order)
            #expect(await Self.job(inventory).scan() == .seconds(1))
            try await inventory.database.asSuperuser(
                "UPDATE reservations SET held_at = now() - interval '899.5 seconds'")
            let wait = await Self.job(inventory).scan()
            #expect(wait <= .milliseconds(500))
            #expect(wait >= .milliseconds(10))
        }
    }

    @Test func `the running job frees a hold of one second by itself`() async throws {
        let lamp = lamp
        try await InventoryHarness.run { inventory in
            try await inventory.article(lamp, pieces: 5)
            let order = OrderID.make()
            try await inventory.send(InventoryHarness.reserve([(lamp, 2)], ttl: 1), for: order)
            let job = Self.job(inventory)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await job.run() }
                try await eventually("the expiry") {
                    try await inventory.status(of: order) == ["RELEASED", "expired"]
                }
                group.cancelAll()
                // Ignored: the job ends by cancellation, which is what it throws.
                try? await group.waitForAll()
            }
        }
    }

    @Test func `a row that somebody else works on is skipped`() async throws {
        let lamp = lamp
        try await InventoryHarness.run { inventory in
            try await inventory.article(lamp, pieces: 5)
            let order = OrderID.make()
            try await inventory.send(InventoryHarness.reserve([(lamp, 2)]), for: order)
            try await Self.anHourLater(inventory)
            try await inventory.pool.transaction { transaction in
                _ = try await transaction.query(ReservationSQL.lock(order))
                #expect(try await !Self.job(inventory).freeOne())
            }
            #expect(try await Self.job(inventory).freeOne())
        }
    }

    @Test func `commits and the expiry job at once end every hold one way only`() async throws {
        let lamp = lamp
        try await InventoryHarness.run(connections: 12) { inventory in
            try await inventory.article(lamp, pieces: 100)
            let orders = (0..<20).map { _ in OrderID.make() }
            for order in orders {
                try await inventory.send(InventoryHarness.reserve([(lamp, 1)]), for: order)
            }
            try await Self.anHourLater(inventory)
            let job = Self.job(inventory)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for order in orders {
                    group.addTask {
                        try await inventory.send(InventoryCommands.CommitStock(), for: order)
                    }
                }
                for _ in 0..<3 {
                    group.addTask { while try await job.freeOne() {} }
                }
                try await group.waitForAll()
            }
            _ = await job.scan()
            let level = try await inventory.stock(lamp)
            #expect(level.held == 0)
            #expect(try await inventory.offenders() == [])
        }
    }
}
