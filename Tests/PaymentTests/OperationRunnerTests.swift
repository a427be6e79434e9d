import Basics
import Postgres
import ServiceKit
import Support
import Telemetry
import Testing

@testable import PaymentProviderService
@testable import PaymentService

/// D12 on real parts: PostgreSQL, HTTP, and the provider with its faults.
@Suite struct OperationRunnerTests {
    private func checkout(_ card: String) -> PaymentFixture.Checkout {
        PaymentFixture.Checkout(card: card)
    }

    /// Authorize and capture an order to the end.
    private func pay(
        _ order: PaymentFixture.Checkout, _ fixture: PaymentFixture, _ parts: PaymentParts
    ) async throws {
        try await fixture.deliver(order.authorize(), to: parts)
        try await fixture.waitForStatus("AUTHORIZED", order.order)
        try await fixture.deliver(order.capture(), to: parts)
        try await fixture.waitForStatus("CAPTURED", order.order)
    }

    @Test(.timeLimit(.minutes(2)))
    func `a good card is authorized and captured once, with its postings (D13)`() async throws {
        try await PaymentFixture.run { fixture in
            let (parts, order) = (fixture.parts(), checkout("tok_ok"))
            try await fixture.withRunner(parts) { try await pay(order, fixture, parts) }
            #expect(try await fixture.operations(order.order) == ["AUTH:1 OK", "CAPTURE:1 OK"])
            #expect(try await fixture.transfers(order.order) == ["HOLD", "POST", "EARN"])
            #expect(try await fixture.replies(order.order) == ["Authorized", "Captured"])
            #expect(
                await fixture.journal(order.order) == ["authorize approved", "capture captured"])
        }
    }

    @Test(
        .timeLimit(.minutes(2)),
        arguments: ["tok_timeout_effect", "tok_timeout_lost", "tok_slow"])
    func `an unknown outcome is replayed under the same key: one capture (invariant 1)`(
        card: String
    ) async throws {
        try await PaymentFixture.run { fixture in
            let (parts, order) = (fixture.parts(), checkout(card))
            try await fixture.withRunner(parts) { try await pay(order, fixture, parts) }
            #expect(try await fixture.operations(order.order) == ["AUTH:1 OK", "CAPTURE:1 OK"])
            #expect(
                await fixture.journal(order.order) == ["authorize approved", "capture captured"])
            #expect(try await fixture.transfers(order.order) == ["HOLD", "POST", "EARN"])
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a stored failure is fenced before another key is used (invariant 10)`() async throws {
        try await PaymentFixture.run { fixture in
            let (parts, order) = (fixture.parts(), checkout("tok_error"))
            try await fixture.withRunner(parts) { try await pay(order, fixture, parts) }
            #expect(
                try await fixture.operations(order.order) == [
                    "AUTH:1 FENCED", "AUTH:2 OK", "CAPTURE:1 FENCED", "CAPTURE:2 OK",
                ])
            #expect(
                await fixture.journal(order.order) == [
                    "authorize error", "cancel cancelled", "authorize approved", "capture error",
                    "cancel cancelled", "capture captured",
                ])
            let evidence = try await fixture.texts(
                """
                SELECT fence_evidence AS text FROM payment_ops
                WHERE order_id = $1::uuid AND state = 'FENCED'
                """, order.order)
            #expect(evidence.count == 2 && evidence.allSatisfy { $0.contains("cancelled") })
            #expect(try await fixture.replies(order.order) == ["Authorized", "Captured"])
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a declined card is final, and its Void has nothing to do`() async throws {
        try await PaymentFixture.run { fixture in
            let (parts, order) = (fixture.parts(), checkout("tok_declined"))
            try await fixture.withRunner(parts) {
                try await fixture.deliver(order.authorize(), to: parts)
                try await fixture.waitForStatus("DECLINED", order.order)
                try await fixture.deliver(order.void(), to: parts)
            }
            #expect(try await fixture.replies(order.order) == ["AuthDeclined", "Voided"])
            #expect(try await fixture.transfers(order.order).isEmpty)
            #expect(await fixture.journal(order.order) == ["authorize declined"])
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a Void during an unknown authorization waits for it, then gives the hold back`()
        async throws
    {
        try await PaymentFixture.run { fixture in
            let (parts, order) = (fixture.parts(), checkout("tok_timeout_effect"))
            // Both commands are there before anything is called.
            try await fixture.deliver(order.authorize(), to: parts)
            try await fixture.deliver(order.void(), to: parts)
            try await fixture.withRunner(parts) {
                try await fixture.waitForStatus("VOIDED", order.order)
            }
            #expect(try await fixture.operations(order.order) == ["AUTH:1 OK", "VOID:1 OK"])
            #expect(try await fixture.transfers(order.order) == ["HOLD", "VOID"])
            #expect(try await fixture.replies(order.order) == ["Authorized", "Voided"])
            #expect(await fixture.journal(order.order) == ["authorize approved", "void voided"])
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a refused capture is sticky, and its Void gives the hold back`() async throws {
        try await PaymentFixture.run { fixture in
            let (parts, order) = (fixture.parts(), checkout("tok_capture_refused"))
            try await fixture.withRunner(parts) {
                try await fixture.deliver(order.authorize(), to: parts)
                try await fixture.waitForStatus("AUTHORIZED", order.order)
                try await fixture.deliver(order.capture(), to: parts)
                try await fixture.waitForStatus("CAPTURE_FAILED", order.order)
                try await fixture.deliver(order.capture(), to: parts)
                try await fixture.deliver(order.void(), to: parts)
                try await fixture.waitForStatus("VOIDED", order.order)
            }
            #expect(
                try await fixture.replies(order.order) == [
                    "Authorized", "CaptureFailed", "CaptureFailed", "Voided",
                ])
            #expect(
                try await fixture.operations(order.order) == [
                    "AUTH:1 OK", "CAPTURE:1 REFUSED", "VOID:1 OK",
                ])
            #expect(try await fixture.transfers(order.order) == ["HOLD", "VOID"])
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a process that dies between answer and second transaction changes nothing (F9)`()
        async throws
    {
        try await PaymentFixture.run { fixture in
            let order = checkout("tok_ok")
            let struck = fixture.context.readiness
            let failpoints = Failpoints(logger: QuietLog.logger()) { _ in
                struck.set("F9", .degraded("hit"))
                // The process is gone for this operation: its task goes no further.
                withUnsafeCurrentTask { $0?.cancel() }
            }
            failpoints.arm(.afterAnswer, .kill)
            let first = fixture.parts(failpoints: failpoints)
            try await fixture.deliver(order.authorize(), to: first)
            try await fixture.withRunner(first) {
                try await eventually("the failpoint") { struck.state(of: "F9") != nil }
            }
            #expect(try await fixture.status(order.order) == "AUTHORIZING")
            #expect(await fixture.journal(order.order) == ["authorize approved"])
            // Another process finds the operation when its lease has run out.
            let second = fixture.parts()
            try await fixture.withRunner(second) {
                try await fixture.waitForStatus("AUTHORIZED", order.order)
            }
            #expect(await fixture.journal(order.order) == ["authorize approved"])
            #expect(try await fixture.operations(order.order) == ["AUTH:1 OK"])
            #expect(try await fixture.replies(order.order) == ["Authorized"])
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a pending authorization tells Order once, and is settled later`() async throws {
        try await PaymentFixture.run { fixture in
            let order = checkout("tok_ok")
            let waiting = fixture.parts(provider: SlowBank(inner: fixture.provider()))
            try await fixture.withRunner(waiting) {
                try await fixture.deliver(order.authorize(), to: waiting)
                try await fixture.waitForStatus("AUTHORIZED", order.order)
            }
            #expect(try await fixture.replies(order.order) == ["AuthPending", "Authorized"])
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `forty orders at once share the limit and each is charged once`() async throws {
        try await PaymentFixture.run { fixture in
            let parts = fixture.parts()
            let cards = ["tok_ok", "tok_timeout_effect", "tok_timeout_lost", "tok_error"]
            let orders = (0..<40).map { checkout(cards[$0 % cards.count]) }
            try await fixture.withRunner(parts) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for order in orders {
                        group.addTask { try await pay(order, fixture, parts) }
                    }
                    try await group.waitForAll()
                }
            }
            for order in orders {
                let captures = await fixture.journal(order.order).filter { $0 == "capture captured" }
                #expect(captures.count == 1)
                #expect(try await fixture.transfers(order.order) == ["HOLD", "POST", "EARN"])
            }
            let sums = try await fixture.pool.query(
                .init(
                    """
                    SELECT sum(CASE WHEN debit_account LIKE 'provider_clearing%' THEN amount
                        ELSE 0 END)::bigint AS clearing FROM ledger_transfers
                    """))
            #expect(try sums[0].integer("clearing") == 40 * 1200)
        }
    }
}

/// Answers "pending" to the first send and the first query, then asks the real provider.
private actor SlowBank: PaymentCompany {
    private let inner: any PaymentCompany
    private var queries = 0

    init(inner: any PaymentCompany) { self.inner = inner }

    func send(_ operation: ClaimedOperation) async throws -> Exchange { .outcome(.pending) }

    func query(_ operation: ClaimedOperation) async throws -> Exchange {
        queries += 1
        if queries == 1 { return .outcome(.pending) }
        return try await inner.send(operation)
    }

    func cancel(_ operation: ClaimedOperation) async throws -> Exchange {
        try await inner.cancel(operation)
    }
}
