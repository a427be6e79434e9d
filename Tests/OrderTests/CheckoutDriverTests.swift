import Basics
import Contracts
import Messaging
import Postgres
import Saga
import Telemetry
import Testing

@testable import OrderService

/// The checkout as it is really executed: tables, outbox and timeline of each path.
@Suite struct CheckoutDriverTests {
    @Test func `a good order goes all the way, and the world is told`() async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench, at: .confirmed)
            #expect(
                try await talk.saga()
                    == .init(
                        state: "CONFIRMED", version: 5, reason: nil, parked: nil))
            #expect(
                try await talk.types() == [
                    "Reserve", "Authorize", "CommitStock", "Capture", "OrderConfirmed",
                ])
            #expect(
                try await talk.timeline() == [
                    "OrderPlaced", "StockReserved", "PaymentAuthorized", "StockCommitted",
                    "PaymentCaptured", "OrderConfirmed",
                ])
            let event = try #require(try await talk.sent().last)
            #expect(event.topic == Topics.orderEvents.name)
            let payload = try PayloadCoding.decode(
                OrderEvents.OrderConfirmed.self, from: event.payload)
            #expect(payload.cartVersion == 4)
            #expect(payload.total == talk.order.total)
            for step in [Step.reserve, .authorize, .commitStock, .capture] {
                #expect(try await talk.step(step).status == "OK")
            }
            #expect(try await talk.tick() == false, "a terminal saga has no timer")
            let page = bench.metrics.render()
            #expect(page.contains(#"saga_duration_seconds_count{outcome="confirmed"} 1"#))
            #expect(page.contains(#"saga_duration_seconds_count{outcome="timed_out"} 0"#))
            for step in ["reserve", "authorize", "commit_stock", "capture"] {
                #expect(
                    page.contains(
                        #"saga_step_duration_seconds_count{outcome="ok",step="\#(step)"} 1"#))
            }
        }
    }

    @Test func `a refused reservation cancels at once`() async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench)
            try await talk.hear(InventoryReplies.ReserveRejected(reason: .noStock), to: .reserve)
            #expect(
                try await talk.saga()
                    == .init(
                        state: "CANCELLED", version: 2, reason: "no_stock", parked: nil))
            #expect(try await talk.types() == ["Reserve", "OrderCancelled"])
            let page = bench.metrics.render()
            #expect(page.contains(#"saga_duration_seconds_count{outcome="no_stock"} 1"#))
            #expect(
                page.contains(
                    #"saga_step_duration_seconds_count{outcome="refused",step="reserve"} 1"#))
            #expect(
                try await talk.step(.reserve)
                    == .init(
                        status: "REFUSED", code: "no_stock", sends: 1, late: 0))
        }
    }

    @Test func `a declined card gives the stock back, then cancels`() async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench, at: .authorizing)
            try await talk.hear(PaymentReplies.AuthDeclined(reason: "declined"), to: .authorize)
            #expect(try await talk.saga().state == "COMPENSATING")
            try await talk.hear(InventoryReplies.Released(outcome: .released), to: .release)
            #expect(
                try await talk.saga()
                    == .init(
                        state: "CANCELLED", version: 4, reason: "payment_declined", parked: nil))
            #expect(
                try await talk.types() == [
                    "Reserve", "Authorize", "Release", "OrderCancelled",
                ])
            #expect(
                try await talk.timeline() == [
                    "OrderPlaced", "StockReserved", "PaymentDeclined", "CompensationStarted",
                    "StockReleased", "OrderCancelled",
                ])
        }
    }

    @Test func `a hold that is gone at the commit gives only the money back`() async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench, at: .committing)
            try await talk.hear(
                InventoryReplies.CommitRejected(reason: "expired"), to: .commitStock)
            try await talk.hear(PaymentReplies.Voided(outcome: .voided), to: .void)
            #expect(
                try await talk.saga()
                    == .init(
                        state: "CANCELLED", version: 5, reason: "reservation_expired", parked: nil))
            #expect(try await talk.types().suffix(2) == ["Void", "OrderCancelled"])
        }
    }

    @Test func `an expired hold turns back what has begun`() async throws {
        try await OrderBench.run { bench async throws in
            let early = try await Dialogue.begin(bench)
            try await early.hearExpiry()
            try await early.hear(InventoryReplies.Released(outcome: .nothing), to: .release)
            #expect(try await early.saga().reason == "reservation_expired")
            #expect(try await early.types() == ["Reserve", "Release", "OrderCancelled"])

            let late = try await Dialogue.begin(bench, at: .authorizing)
            try await late.hearExpiry()
            #expect(try await late.step(.authorize).status == "UNDONE")
            try await late.hear(PaymentReplies.Voided(outcome: .nothing), to: .void)
            #expect(try await late.saga().state == "COMPENSATING")
            try await late.hear(InventoryReplies.Released(outcome: .released), to: .release)
            #expect(try await late.saga().state == "CANCELLED")
            #expect(
                try await late.types() == [
                    "Reserve", "Authorize", "Void", "Release", "OrderCancelled",
                ])
        }
    }

    @Test(arguments: [CheckoutState.reserving, .authorizing, .committing])
    func `an exhausted budget turns the order back`(state: CheckoutState) async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench, at: state)
            let before = try await talk.types()
            // Until what waits in the topic is read, an overdue step is only asked again.
            #expect(try await talk.tick(overBudget: true, mayJudge: false))
            #expect(try await talk.saga().state == state.rawValue)
            #expect(try await talk.types() == before + before.suffix(1))
            #expect(
                bench.metrics.render().split(separator: "\n").contains {
                    $0.hasPrefix("saga_step_resends_total") && $0.hasSuffix(" 1")
                })
            try await talk.tick(overBudget: true)
            #expect(try await talk.saga().state == "COMPENSATING")
            if state != .reserving {
                try await talk.hear(PaymentReplies.Voided(outcome: .nothing), to: .void)
            }
            try await talk.hear(InventoryReplies.Released(outcome: .released), to: .release)
            #expect(try await talk.saga().state == "CANCELLED")
            #expect(try await talk.saga().reason == "timed_out")
            #expect(try await talk.types().last == "OrderCancelled")
        }
    }

    @Test func `a capture in doubt is asked for ever, and a person is called`() async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench, at: .capturing)
            try await talk.tick(overBudget: true)
            #expect(
                try await talk.saga()
                    == .init(
                        state: "CAPTURING", version: 4, reason: nil, parked: "capture_overdue"))
            #expect(try await talk.types().suffix(2) == ["Capture", "Capture"])
            try await talk.hear(PaymentReplies.Captured(providerRef: "cap-1"), to: .capture)
            #expect(try await talk.saga().state == "CONFIRMED")
        }
    }

    @Test func `a refused capture gives everything back`() async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench, at: .capturing)
            try await talk.hear(PaymentReplies.CaptureFailed(reason: "refused"), to: .capture)
            try await talk.hear(InventoryReplies.Released(outcome: .restocked), to: .release)
            try await talk.hear(PaymentReplies.Voided(outcome: .voided), to: .void)
            #expect(try await talk.saga().reason == "capture_refused")
            #expect(try await talk.saga().state == "CANCELLED")
        }
    }

    @Test func `a retry is a new message for the same opening of the step`() async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench, at: .authorizing)
            let first = try await talk.command(.authorize)
            #expect(try await talk.tick())
            let second = try await talk.command(.authorize)
            #expect(second.messageID != first.messageID)
            #expect(second.stepSequence == first.stepSequence)
            #expect(try await talk.step(.authorize).sends == 2)
            // The answer to the first sending is as good as one to the second.
            try await talk.hear(PaymentReplies.Authorized(providerRef: "auth-1"), to: first)
            #expect(try await talk.saga().state == "COMMITTING")
            try await talk.hear(PaymentReplies.Authorized(providerRef: "auth-1"), to: second)
            #expect(try await talk.saga().state == "COMMITTING")
            #expect(try await talk.step(.authorize).late == 1)
        }
    }

    @Test func `after one of two undos the other is asked again by its policy`() async throws {
        var options = OrderBench.Options()
        options.policy.compensation = .init(
            attempt: .seconds(40), cap: .seconds(60), budget: .seconds(600))
        try await OrderBench.run(options) { bench async throws in
            let talk = try await Dialogue.begin(bench, at: .committing)
            try await talk.tick(overBudget: true)
            try await talk.hear(PaymentReplies.Voided(outcome: .voided), to: .void)
            let wait = try await bench.pool.query(
                Statement(
                    """
                    SELECT next_attempt_at > clock_timestamp() + interval '30 s' AS late
                    FROM saga_instances
                    """))
            #expect(try wait[0].boolean("late"))
            try await talk.tick()
            #expect(try await talk.types().suffix(3) == ["Void", "Release", "Release"])
        }
    }

    @Test func `a provider that wants time parks the saga, which goes on`() async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench, at: .authorizing)
            try await talk.hear(PaymentReplies.AuthPending(), to: .authorize)
            #expect(
                try await talk.saga()
                    == .init(
                        state: "AUTHORIZING", version: 2, reason: nil, parked: "auth_pending"))
            try await talk.hear(PaymentReplies.Authorized(providerRef: "auth-1"), to: .authorize)
            #expect(try await talk.saga().state == "COMMITTING")
            #expect(try await talk.saga().parked == nil)
        }
    }

    @Test func `money taken too late is a refund that is due`() async throws {
        try await OrderBench.run { bench async throws in
            // While compensating: the Void finds the money captured.
            let during = try await Dialogue.begin(bench, at: .committing)
            try await during.tick(overBudget: true)
            try await during.hear(PaymentReplies.Voided(outcome: .alreadyCaptured), to: .void)
            #expect(try await during.saga().parked == "refund_due")
            try await during.hear(InventoryReplies.Released(outcome: .restocked), to: .release)
            #expect(try await during.saga().state == "CANCELLED")
            #expect(try await during.saga().parked == "refund_due")

            // After the end: only the flag, a terminal saga is final.
            let after = try await Dialogue.begin(bench, at: .capturing)
            let capture = try await after.command(.capture)
            try await after.hear(PaymentReplies.CaptureFailed(reason: "refused"), to: capture)
            try await after.hear(InventoryReplies.Released(outcome: .restocked), to: .release)
            try await after.hear(PaymentReplies.Voided(outcome: .voided), to: .void)
            try await after.hear(PaymentReplies.Captured(providerRef: "cap-1"), to: capture)
            let saga = try await after.saga()
            #expect(saga.state == "CANCELLED")
            #expect(saga.parked == "refund_due")
            #expect(try await after.types().filter { $0 == "OrderCancelled" }.count == 1)
        }
    }

    @Test func `late and repeated replies are counted, and change nothing`() async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench, at: .capturing)
            let before = try await talk.saga()
            try await talk.hear(InventoryReplies.Reserved(), to: .reserve)
            try await talk.hear(InventoryReplies.Reserved(), to: .reserve)
            #expect(try await talk.step(.reserve).late == 2)
            let reply = try OutgoingMessage.reply(
                PaymentReplies.Captured(providerRef: "cap-1"), to: try await talk.command(.capture))
            let message = IncomingMessage(envelope: reply.envelope, payload: reply.payload)
            #expect(try await talk.saga() == before)
            try await talk.deliver(message)
            try await talk.deliver(message)
            #expect(try await talk.step(.capture).late == 0, "the inbox stops a duplicate")
            #expect(try await talk.types().count == 5)
        }
    }

    @Test func `a contradiction is poison, and nothing remains of it`() async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench, at: .committing)
            let (before, types) = (try await talk.saga(), try await talk.types())
            let inbox = try await bench.count("inbox")
            await #expect(throws: Poison.self, "impossible in this state") {
                try await talk.hear(
                    InventoryReplies.ReserveRejected(reason: .noStock), to: .reserve)
            }
            var forged = try await talk.command(.commitStock)
            forged.stepSequence = 9
            let future = forged
            await #expect(throws: Poison.self, "a step that was never opened so") {
                try await talk.hear(InventoryReplies.StockCommitted(), to: future)
            }
            forged.stepSequence = 3
            forged.orderID = .make()
            let stranger = forged
            await #expect(throws: Poison.self, "an order that does not exist") {
                try await talk.hear(InventoryReplies.StockCommitted(), to: stranger)
            }
            #expect(try await talk.saga() == before)
            #expect(try await talk.types() == types)
            #expect(try await bench.count("inbox") == inbox)
        }
    }
}
