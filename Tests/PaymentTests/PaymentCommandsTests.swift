import Basics
import Contracts
import Messaging
import Postgres
import Testing

@testable import PaymentService

/// The consumer's half: intents, tombstones and known answers, and never a call.
@Suite struct PaymentCommandsTests {
    @Test(.timeLimit(.minutes(2)))
    func `Authorize writes the intent and no reply`() async throws {
        try await PaymentFixture.run { fixture in
            let (parts, order) = (fixture.parts(), PaymentFixture.Checkout())
            try await fixture.deliver(order.authorize(), to: parts)
            #expect(try await fixture.status(order.order) == "AUTHORIZING")
            #expect(try await fixture.operations(order.order) == ["AUTH:1 INTENT"])
            #expect(try await fixture.replies(order.order).isEmpty)
            // A re-send while the call is open neither answers nor begins another one.
            try await fixture.deliver(order.authorize(), to: parts)
            #expect(try await fixture.operations(order.order) == ["AUTH:1 INTENT"])
            #expect(await fixture.journal(order.order).isEmpty)
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a new message id for a known answer re-emits it, with the step of the command (D4)`()
        async throws
    {
        try await PaymentFixture.run { fixture in
            let (parts, order) = (fixture.parts(), PaymentFixture.Checkout())
            try await fixture.withRunner(parts) {
                try await fixture.deliver(order.authorize(), to: parts)
                try await fixture.waitForReply("Authorized", order.order)
            }
            let again = try order.authorize()
            try await fixture.deliver(again, to: parts)
            let rows = try await fixture.pool.query(
                Statement(
                    """
                    SELECT convert_from(payload, 'UTF8') AS payload, headers::text AS headers,
                        causation_id FROM outbox ORDER BY seq
                    """))
            #expect(rows.count == 2)
            #expect(try rows[0].text("payload") == rows[1].text("payload"))
            #expect(try rows[1].id("causation_id") == again.envelope.messageID)
            #expect(try rows[1].text("headers").contains(#"["step-seq", "2"]"#))
            #expect(try rows[1].text("headers").contains(#"["step", "AUTHORIZE"]"#))
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `Void before Authorize leaves a tombstone that fences it (D3)`() async throws {
        try await PaymentFixture.run { fixture in
            let (parts, order) = (fixture.parts(), PaymentFixture.Checkout())
            try await fixture.deliver(order.void(), to: parts)
            try await fixture.deliver(order.authorize(), to: parts)
            try await fixture.deliver(order.capture(), to: parts)
            try await fixture.deliver(order.void(), to: parts)
            #expect(
                try await fixture.replies(order.order) == [
                    "Voided", "AuthDeclined", "CaptureFailed", "Voided",
                ])
            #expect(try await fixture.operations(order.order).isEmpty)
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `Capture before Authorize fails and leaves a tombstone`() async throws {
        try await PaymentFixture.run { fixture in
            let (parts, order) = (fixture.parts(), PaymentFixture.Checkout())
            try await fixture.deliver(order.capture(), to: parts)
            try await fixture.deliver(order.authorize(), to: parts)
            #expect(
                try await fixture.replies(order.order) == ["CaptureFailed", "AuthDeclined"])
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `two first touches at once make one payment and one intent`() async throws {
        try await PaymentFixture.run { fixture in
            let (parts, order) = (fixture.parts(), PaymentFixture.Checkout())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await fixture.deliver(order.authorize(), to: parts) }
                }
                try await group.waitForAll()
            }
            #expect(try await fixture.operations(order.order) == ["AUTH:1 INTENT"])
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `other terms, refunds, unknown types and missing steps are poison, and change nothing`()
        async throws
    {
        try await PaymentFixture.run { fixture in
            let (parts, order) = (fixture.parts(), PaymentFixture.Checkout())
            try await fixture.deliver(order.authorize(), to: parts)
            var other = order
            other.total = Money(minor: 1, currency: .eur)
            var refund = try order.capture()
            refund = IncomingMessage(
                envelope: Envelope(
                    messageID: .v7(), type: "Refund", orderID: order.order, causationID: .v7()),
                payload: refund.payload)
            let unknown = IncomingMessage(
                envelope: Envelope(
                    messageID: .v7(), type: "Frobnicate", orderID: order.order, causationID: .v7()),
                payload: [])
            let stepless = IncomingMessage(
                envelope: Envelope(
                    messageID: .v7(), type: "Capture", orderID: order.order, causationID: .v7()),
                payload: Array("{}".utf8))
            for (message, code) in [
                (try other.authorize(), "authorize_with_other_terms"),
                (refund, "refund_unsupported"), (unknown, "unknown_command"),
                (stepless, "wrong_step"),
            ] {
                let poison = await #expect(throws: Poison.self) {
                    try await fixture.deliver(message, to: parts)
                }
                #expect(poison?.code == code)
            }
            #expect(try await fixture.operations(order.order) == ["AUTH:1 INTENT"])
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a payment is shown to its customer and to nobody else`() async throws {
        try await PaymentFixture.run { fixture in
            let (parts, order) = (fixture.parts(), PaymentFixture.Checkout())
            try await fixture.deliver(order.authorize(), to: parts)
            let own = try await parts.payments.find(order.order, order.customer, in: fixture.pool)
            let view = try #require(own.flatMap(PaymentView.init))
            #expect(view.status == "AUTHORIZING" && view.amount == order.total)
            let foreign = try await parts.payments.find(order.order, .make(), in: fixture.pool)
            #expect(foreign == nil)
        }
    }
}
