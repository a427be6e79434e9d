import Testing

@testable import PaymentService

/// The row "provider ok / refusal / timeout" of the participant table.
@Suite struct `PaymentTransition, settle` {
    func settle(_ state: PaymentState, _ kind: OperationKind, _ outcome: CallOutcome) throws
        -> Settlement
    {
        try PaymentTransition.settle(state, kind, outcome)
    }

    @Test func `an approved authorization holds the money and says so`() throws {
        let result = try settle(Sample.authorizing, .authorize, .done(reference: "auth_1"))
        #expect(result.state == Sample.authorized)
        #expect(result.transfers == [.hold])
        #expect(result.reply == .authorized(reference: "auth_1"))
        #expect(result.next == nil && result.voidReply == nil)
    }

    @Test func `an approved authorization with a Void waiting goes on to the void call`() throws {
        let result = try settle(Sample.authorizingVoid, .authorize, .done(reference: "auth_1"))
        #expect(result.state == Sample.voiding)
        #expect(result.transfers == [.hold])
        #expect(result.next == .pendingVoid)
        #expect(result.voidReply == nil)
    }

    @Test func `a declined authorization moves nothing and answers a waiting Void`() throws {
        let plain = try settle(Sample.authorizing, .authorize, .refused(reason: "card_declined"))
        #expect(plain.state == Sample.declined)
        #expect(plain.transfers.isEmpty)
        #expect(plain.reply == .authDeclined(reason: "card_declined"))
        #expect(plain.voidReply == nil)
        let waiting = try settle(
            Sample.authorizingVoid, .authorize, .refused(reason: "card_declined"))
        #expect(waiting.voidReply == .voided(.nothing))
        #expect(waiting.next == nil)
    }

    @Test func `a pending authorization only tells Order to wait longer`() throws {
        let result = try settle(Sample.authorizing, .authorize, .pending)
        #expect(result == Settlement(reply: .authPending))
    }

    @Test func `a fenced authorization is tried under the next key (invariant 10)`() throws {
        let result = try settle(Sample.authorizing, .authorize, .fenced(evidence: "e"))
        #expect(result == Settlement(next: .attempt(.authorize)))
    }

    @Test func `a fenced authorization with a Void waiting is closed without another call`() throws {
        let result = try settle(Sample.authorizingVoid, .authorize, .fenced(evidence: "e"))
        #expect(result.state == .voided(Sample.terms, reference: nil, reason: nil))
        #expect(result.reply == .authDeclined(reason: "closed"))
        #expect(result.voidReply == .voided(.nothing))
        #expect(result.next == nil && result.transfers.isEmpty)
    }

    @Test func `a capture posts the hold and earns it`() throws {
        let result = try settle(Sample.capturing, .capture, .done(reference: "cap_1"))
        #expect(result.state == Sample.captured)
        #expect(result.transfers == [.post, .earn])
        #expect(result.reply == .captured(reference: "cap_1"))
    }

    @Test func `a capture tells a waiting Void that it came too late`() throws {
        let result = try settle(Sample.capturingVoid, .capture, .done(reference: "cap_1"))
        #expect(result.state == Sample.captured)
        #expect(result.voidReply == .voided(.alreadyCaptured))
        #expect(result.next == nil)
    }

    @Test func `a refused capture keeps the hold until a Void`() throws {
        let result = try settle(Sample.capturing, .capture, .refused(reason: "capture_refused"))
        #expect(result.state == Sample.captureFailed)
        #expect(result.transfers.isEmpty)
        #expect(result.reply == .captureFailed(reason: "capture_refused"))
        let waiting = try settle(
            Sample.capturingVoid, .capture, .refused(reason: "capture_refused"))
        #expect(
            waiting.state
                == .voiding(Sample.terms, reference: "auth_1", reason: "capture_refused"))
        #expect(waiting.next == .pendingVoid)
    }

    @Test func `a fenced capture is tried under the next key, unless a Void waits`() throws {
        #expect(
            try settle(Sample.capturing, .capture, .fenced(evidence: "e"))
                == Settlement(next: .attempt(.capture)))
        let waiting = try settle(Sample.capturingVoid, .capture, .fenced(evidence: "e"))
        #expect(waiting.reply == .captureFailed(reason: "closed"))
        #expect(waiting.next == .pendingVoid)
        #expect(try settle(Sample.capturing, .capture, .pending) == Settlement())
    }

    @Test func `a void gives the hold back`() throws {
        let result = try settle(Sample.voiding, .void, .done(reference: "void_1"))
        #expect(result.state == Sample.voided)
        #expect(result.transfers == [.void])
        #expect(result.reply == .voided(.voided))
        #expect(try settle(Sample.voiding, .void, .pending) == Settlement())
        #expect(
            try settle(Sample.voiding, .void, .fenced(evidence: "e"))
                == Settlement(next: .attempt(.void)))
    }

    @Test func `a refused void is a contradiction, not an outcome (D3)`() {
        #expect(throws: Contradiction(code: "void_refused")) {
            try settle(Sample.voiding, .void, .refused(reason: "already_captured"))
        }
    }

    @Test func `an outcome fits exactly one state`() {
        let fitting: [(OperationKind, (PaymentState) -> Bool)] = [
            (.authorize, { if case .authorizing = $0 { true } else { false } }),
            (.capture, { if case .capturing = $0 { true } else { false } }),
            (.void, { if case .voiding = $0 { true } else { false } }),
            (.refund, { _ in false }),
        ]
        for (kind, fits) in fitting {
            for state in Sample.all where !fits(state) {
                #expect(throws: Contradiction.self) {
                    try settle(state, kind, .done(reference: "x"))
                }
            }
        }
    }
}
