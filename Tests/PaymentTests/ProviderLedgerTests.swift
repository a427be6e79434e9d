import Testing

@testable import PaymentProviderService

private typealias Kind = PaymentProviderService.OperationKind

@Suite struct ProviderLedgerTests {
    private static let at = "2026-01-01T00:00:00.000000Z"

    private static func authorize(
        key: String = "k1", reference: String = "o1", amount: Int64 = 1200, hash: String = "h1",
        card: String = "tok_ok"
    ) -> Instruction {
        Instruction(
            key: key, kind: .authorize, merchantReference: reference, amountMinor: amount,
            currency: "EUR", cardToken: card, authorization: nil, bodyHash: hash)
    }

    private static func follow(
        _ kind: Kind, key: String, authorization: String, amount: Int64? = nil,
        reference: String = "o1"
    ) -> Instruction {
        Instruction(
            key: key, kind: kind, merchantReference: reference, amountMinor: amount,
            currency: amount == nil ? nil : "EUR", cardToken: nil, authorization: authorization,
            bodyHash: "h-" + key)
    }

    /// Begin, settle and confirm: one whole call.
    private static func run(
        _ ledger: inout ProviderLedger, _ instruction: Instruction,
        forced: Verdict? = nil
    ) -> JournalEntry {
        #expect(ledger.begin(instruction) == .fresh)
        let entry = ledger.settle(instruction, forced: forced, at: at)
        ledger.confirm(instruction.key)
        return entry
    }

    @Test func `authorize, capture and void have the effects of their names`() throws {
        var ledger = ProviderLedger()
        let first = Self.run(&ledger, Self.authorize())
        #expect(first.outcome == .approved && first.seq == 1)
        let reference = try #require(first.providerRef)
        let capture = Self.run(
            &ledger, Self.follow(.capture, key: "k2", authorization: reference, amount: 1200))
        #expect(capture.outcome == .captured && capture.amountMinor == 1200)
        let again = Self.run(
            &ledger, Self.follow(.capture, key: "k3", authorization: reference, amount: 1200))
        #expect(again.outcome == .refused && again.evidence.reason == "already_captured")
        let void = Self.run(&ledger, Self.follow(.void, key: "k4", authorization: reference))
        #expect(void.outcome == .refused && void.evidence.reason == "already_captured")
        let refund = Self.run(
            &ledger, Self.follow(.refund, key: "k5", authorization: reference, amount: 1000))
        #expect(refund.outcome == .refunded)
        let more = Self.run(
            &ledger, Self.follow(.refund, key: "k6", authorization: reference, amount: 201))
        #expect(more.outcome == .refused)
    }

    @Test func `a voided authorization cannot be captured`() throws {
        var ledger = ProviderLedger()
        let reference = try #require(Self.run(&ledger, Self.authorize()).providerRef)
        #expect(
            Self.run(&ledger, Self.follow(.void, key: "k2", authorization: reference)).outcome
                == .voided)
        let capture = Self.run(
            &ledger, Self.follow(.capture, key: "k3", authorization: reference, amount: 1200))
        #expect(capture.evidence.reason == "already_voided")
    }

    @Test func `the same key and body get the stored answer, another body is refused`() {
        var ledger = ProviderLedger()
        let entry = Self.run(&ledger, Self.authorize())
        #expect(ledger.begin(Self.authorize()) == .replay(entry))
        #expect(ledger.begin(Self.authorize(amount: 1, hash: "h2")) == .keyReused)
    }

    @Test func `until the entry is durable its key is in progress`() {
        var ledger = ProviderLedger()
        #expect(ledger.begin(Self.authorize()) == .fresh)
        #expect(ledger.begin(Self.authorize()) == .inProgress)
        let entry = ledger.settle(Self.authorize(), forced: nil, at: Self.at)
        #expect(ledger.begin(Self.authorize()) == .inProgress)
        #expect(ledger.query(key: "k1") == .pending(Self.authorize()))
        #expect(
            ledger.cancel(key: "k1", merchantReference: nil, at: Self.at) == .inProgress)
        ledger.confirm("k1")
        #expect(ledger.query(key: "k1") == .settled(entry))
    }

    @Test func `a lost request leaves no trace`() {
        var ledger = ProviderLedger()
        #expect(ledger.begin(Self.authorize()) == .fresh)
        ledger.abandon("k1")
        #expect(ledger.query(key: "k1") == nil)
        #expect(ledger.query(merchantReference: "o1").isEmpty)
        #expect(ledger.begin(Self.authorize()) == .fresh)
    }

    @Test func `cancel-by-key fences a key that was not yet seen`() {
        var ledger = ProviderLedger()
        guard case .fenced(let fence) = ledger.cancel(
            key: "k1", merchantReference: "o1", at: Self.at)
        else {
            Issue.record("the key was not fenced")
            return
        }
        #expect(fence.kind == .cancel && fence.outcome == .cancelled)
        #expect(ledger.begin(Self.authorize()) == .inProgress)
        ledger.confirm("k1")
        #expect(ledger.begin(Self.authorize()) == .replay(fence))
        #expect(
            ledger.cancel(key: "k1", merchantReference: "o1", at: Self.at) == .settled(fence))
    }

    @Test func `cancel-by-key comes too late for an outcome, and fences a stored failure`() {
        var ledger = ProviderLedger()
        let approved = Self.run(&ledger, Self.authorize())
        #expect(
            ledger.cancel(key: "k1", merchantReference: nil, at: Self.at) == .settled(approved))
        let failed = Self.run(
            &ledger, Self.authorize(key: "k2", reference: "o2"), forced: .error)
        #expect(failed.outcome == .error && failed.providerRef == nil)
        guard case .fenced(let fence) = ledger.cancel(
            key: "k2", merchantReference: nil, at: Self.at)
        else {
            Issue.record("the failed key was not fenced")
            return
        }
        #expect(fence.merchantReference == "o2" && fence.bodyHash == failed.bodyHash)
        #expect(ledger.hasFailed(Self.authorize(key: "k3", reference: "o2")))
    }

    @Test func `a verdict of the card refuses an authorization but never a void`() throws {
        var ledger = ProviderLedger()
        let declined = Self.run(
            &ledger, Self.authorize(), forced: .refuse(reason: "card_declined"))
        #expect(declined.outcome == .declined && declined.evidence.reason == "card_declined")
        let other = Self.run(&ledger, Self.authorize(key: "k2", reference: "o2"))
        let void = Self.run(
            &ledger,
            Self.follow(
                .void, key: "k3", authorization: try #require(other.providerRef), reference: "o2"),
            forced: .refuse(reason: "x"))
        #expect(void.outcome == .voided)
    }

    @Test func `another order's authorization is unknown`() throws {
        var ledger = ProviderLedger()
        let reference = try #require(Self.run(&ledger, Self.authorize()).providerRef)
        let capture = Self.run(
            &ledger,
            Self.follow(
                .capture, key: "k2", authorization: reference, amount: 1200, reference: "o2"))
        #expect(capture.evidence.reason == "unknown_authorization")
    }

    @Test func `the journal rebuilds the same books`() throws {
        var ledger = ProviderLedger()
        let entries = [
            Self.run(&ledger, Self.authorize()),
            Self.run(&ledger, Self.authorize(key: "k2", reference: "o2"), forced: .error),
        ]
        var rebuilt = ProviderLedger()
        for entry in entries { rebuilt.apply(entry) }
        #expect(rebuilt.begin(Self.authorize()) == .replay(entries[0]))
        #expect(rebuilt.hasFailed(Self.authorize(key: "k3", reference: "o2")))
        let reference = try #require(entries[0].providerRef)
        let capture = Self.run(
            &rebuilt, Self.follow(.capture, key: "k9", authorization: reference, amount: 1200))
        #expect(capture.outcome == .captured && capture.seq == 3)
        #expect(capture.evidence.cardToken == "tok_ok")
    }
}

@Suite struct BehaviourTests {
    private func behaviour(_ card: TestCard, _ kind: Kind, first: Bool = true, failed: Bool = false)
        -> Behaviour
    {
        card.behaviour(for: kind, key: "k", isFirstCall: first, hasFailed: failed)
    }

    @Test func `each card does what its name says`() {
        #expect(behaviour(.ok, .authorize) == Behaviour())
        #expect(behaviour(.declined, .authorize).verdict == .refuse(reason: "card_declined"))
        #expect(behaviour(.declined, .void) == Behaviour())
        #expect(behaviour(.timeoutEffect, .capture).ending == .silentAfterEffect)
        #expect(behaviour(.timeoutEffect, .capture, first: false).ending == .answer)
        #expect(behaviour(.timeoutLost, .authorize).ending == .silentWithoutEffect)
        #expect(behaviour(.timeoutLost, .void).ending == .answer)
        #expect(behaviour(.error, .authorize).verdict == .error)
        #expect(behaviour(.error, .authorize, failed: true).verdict == nil)
        #expect(behaviour(.captureRefused, .authorize) == Behaviour())
        #expect(behaviour(.captureRefused, .capture).verdict == .refuse(reason: "capture_refused"))
    }

    @Test func `the slow card takes 0.2 to 2 seconds, the same for every call under one key`() {
        for index in 0..<200 {
            let delay = TestCard.slowness(of: "key-\(index)")
            #expect(delay >= .milliseconds(200) && delay <= .milliseconds(2000))
            #expect(delay == TestCard.slowness(of: "key-\(index)"))
        }
    }

    @Test func `a slow or silent company still declines a declined card`() {
        let declined = Behaviour(verdict: .refuse(reason: "card_declined"))
        func next(_ mode: FaultSwitch.Mode) -> Behaviour? {
            var fault = FaultSwitch(mode: mode, delay: .seconds(2), count: nil)
            return fault.next(over: declined)
        }
        for mode in [FaultSwitch.Mode.delay, .timeoutEffect, .timeoutLost] {
            #expect(next(mode)?.verdict == declined.verdict)
            #expect(next(mode)?.delay == .seconds(2))
        }
        #expect(next(.timeoutEffect)?.ending == .silentAfterEffect)
        #expect(next(.approve) == Behaviour())
        #expect(next(.fail)?.verdict == .error)
    }

    @Test func `a fault hits as many calls as it was given`() {
        var fault = FaultSwitch(mode: .fail, delay: .zero, count: 2)
        #expect(fault.next(over: Behaviour())?.verdict == .error)
        #expect(fault.next(over: Behaviour())?.verdict == .error)
        #expect(fault.next(over: Behaviour()) == nil)
        var forever = FaultSwitch(mode: .decline, delay: .zero, count: nil)
        for _ in 0..<5 { #expect(forever.next(over: Behaviour()) != nil) }
        var none = FaultSwitch(mode: .fail, delay: .zero, count: 0)
        #expect(none.next(over: Behaviour()) == nil)
    }
}
