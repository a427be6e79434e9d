import Basics
import Contracts
import Foundation
import Messaging
import Postgres
import Testing

@testable import OrderService

/// One order's saga, with the test in the participants' places: it reads what was sent, and answers.
struct Dialogue: Sendable {
    let bench: OrderBench
    let order: Order

    /// A message in the outbox.
    struct Sent: Sendable {
        let topic: String
        let envelope: Envelope
        let payload: [UInt8]
    }

    struct Saga: Sendable, Equatable {
        let state: String
        let version: Int64
        let reason: String?
        let parked: String?
    }

    struct StepRow: Sendable, Equatable {
        let status: String
        let code: String?
        let sends: Int64
        let late: Int64
    }

    /// Places an order as the route does, in one transaction.
    static func begin(_ bench: OrderBench, traceparent: String? = nil) async throws -> Dialogue {
        let sku = try #require(SKU("LAMP-1"))
        let order = try Order.place(
            id: .make(), customerID: .make(), cartID: .make(), cartVersion: 4,
            lines: [
                OrderLine(
                    sku: sku, quantity: 2, unitPrice: Money(minor: 600, currency: .eur),
                    name: "Lamp")
            ], cardToken: "tok_ok")
        let statements =
            OrderStore.insert(order, clientRequestID: "key", linesHash: "hash")
            + (try bench.driver.begin(order, cause: order.id.value, traceparent: traceparent))
        try await bench.pool.transaction { _ = try await $0.pipeline(statements) }
        return Dialogue(bench: bench, order: order)
    }

    /// Places an order and answers what leads it to a state of the forward path.
    static func begin(_ bench: OrderBench, at state: CheckoutState) async throws -> Dialogue {
        let talk = try await begin(bench)
        if state == .reserving { return talk }
        try await talk.hear(InventoryReplies.Reserved(), to: .reserve)
        if state == .authorizing { return talk }
        try await talk.hear(PaymentReplies.Authorized(providerRef: "auth-1"), to: .authorize)
        if state == .committing { return talk }
        try await talk.hear(InventoryReplies.StockCommitted(), to: .commitStock)
        if state == .capturing { return talk }
        try await talk.hear(PaymentReplies.Captured(providerRef: "cap-1"), to: .capture)
        return talk
    }

    /// Everything this order sent, oldest first.
    func sent() async throws -> [Sent] {
        let rows = try await bench.pool.query(
            Statement(
                """
                SELECT topic, headers::text AS headers, payload FROM outbox
                WHERE msg_key = $1 ORDER BY seq
                """, [.bytes(Array("\(order.id)".utf8))]))
        return try rows.map { row in
            let pairs = try JSONDecoder().decode(
                [[String]].self, from: Data(try row.text("headers").utf8))
            return Sent(
                topic: try row.text("topic"),
                envelope: try Envelope(
                    headers: pairs.map { (name: $0[0], value: Array($0[1].utf8)) }),
                payload: try row.bytes("payload"))
        }
    }

    func types() async throws -> [String] { try await sent().map(\.envelope.type) }

    /// The newest command of a step.
    func command(_ step: Step) async throws -> Envelope {
        try #require(
            try await sent().last { $0.envelope.step == step }?.envelope, "\(step) was never sent")
    }

    /// A participant answers the newest command of a step.
    func hear<P: Payload>(_ payload: P, to step: Step) async throws {
        try await hear(payload, to: try await command(step))
    }

    func hear<P: Payload>(_ payload: P, to command: Envelope) async throws {
        let reply = try OutgoingMessage.reply(payload, to: command)
        try await deliver(IncomingMessage(envelope: reply.envelope, payload: reply.payload))
    }

    /// A hint that answers nothing.
    func hearExpiry() async throws {
        let notice = try OutgoingMessage.notice(
            InventoryReplies.ReservationExpired(), to: Topics.orderReplies, orderID: order.id,
            cause: order.id.value, traceparent: nil)
        try await deliver(IncomingMessage(envelope: notice.envelope, payload: notice.payload))
    }

    /// As the consumer does: inbox row first, then the handler, in one transaction.
    func deliver(_ message: IncomingMessage) async throws {
        let handler = CheckoutReplies(driver: bench.driver)
        try await bench.pool.transaction { transaction in
            guard
                try await Inbox(consumer: "order")
                    .firstSight(of: message.envelope.messageID, in: transaction)
            else { return }
            try await handler.handle(message, in: transaction)
        }
    }

    /// Lets the saga's timer fire now, at will with its budget over.
    @discardableResult
    func tick(overBudget: Bool = false, mayJudge: Bool = true) async throws -> Bool {
        try await bench.pool.execute(
            Statement(
                """
                UPDATE saga_instances SET next_attempt_at = clock_timestamp(),
                    deadline_at = CASE WHEN $2 THEN clock_timestamp() ELSE deadline_at END
                WHERE order_id = $1 AND next_attempt_at IS NOT NULL
                """, [.id(order.id.value), .boolean(overBudget)]))
        return try await bench.pool.transaction {
            try await bench.driver.tick(order.id, mayJudgeBudget: mayJudge, in: $0)
        }
    }

    func saga() async throws -> Saga {
        let row = try #require(
            try await bench.pool.query(
                Statement(
                    """
                    SELECT state, version, reason, parked_reason FROM saga_instances
                    WHERE order_id = $1
                    """, [.id(order.id.value)])
            ).first)
        return Saga(
            state: try row.text("state"), version: try row.integer("version"),
            reason: try row.optionalText("reason"), parked: try row.optionalText("parked_reason"))
    }

    func step(_ step: Step) async throws -> StepRow {
        let row = try #require(
            try await bench.pool.query(
                Statement(
                    """
                    SELECT status, reply_code, sends, late_count FROM saga_steps
                    WHERE order_id = $1 AND step = $2
                    """, [.id(order.id.value), .text(step.rawValue)])
            ).first)
        return StepRow(
            status: try row.text("status"), code: try row.optionalText("reply_code"),
            sends: try row.integer("sends"), late: try row.integer("late_count"))
    }

    func timeline() async throws -> [String] {
        try await bench.pool.query(OrderStore.timeline(order.id, after: 0))
            .map { try $0.text("type") }
    }
}
