import Basics
import Testing

@testable import PaymentService

/// One state of each column of the participant table.
enum Sample {
    static let terms = Terms(
        customer: CustomerID(UniqueID(high: 1, low: 2)), total: Money(minor: 1200, currency: .eur))
    static let otherTerms = Terms(
        customer: CustomerID(UniqueID(high: 1, low: 2)), total: Money(minor: 1300, currency: .eur))

    static let none = PaymentState.none
    static let authorizing = PaymentState.authorizing(terms, voidWanted: false)
    static let authorizingVoid = PaymentState.authorizing(terms, voidWanted: true)
    static let authorized = PaymentState.authorized(terms, reference: "auth_1")
    static let declined = PaymentState.declined(terms, reason: "card_declined")
    static let capturing = PaymentState.capturing(terms, reference: "auth_1", voidWanted: false)
    static let capturingVoid = PaymentState.capturing(terms, reference: "auth_1", voidWanted: true)
    static let captureFailed = PaymentState.captureFailed(
        terms, reference: "auth_1", reason: "capture_refused")
    static let captured = PaymentState.captured(terms, reference: "auth_1", capture: "cap_1")
    static let voiding = PaymentState.voiding(terms, reference: "auth_1", reason: nil)
    static let voided = PaymentState.voided(terms, reference: "auth_1", reason: nil)
    static let tombstone = PaymentState.voided(nil, reference: nil, reason: nil)

    static let all = [
        none, authorizing, authorizingVoid, authorized, declined, capturing, capturingVoid,
        captureFailed, captured, voiding, voided, tombstone,
    ]
}

/// correctness.md §2, the payment participant: one test per cell (D3, D4).
@Suite struct `PaymentTransition, Authorize` {
    func step(_ state: PaymentState) -> Decision {
        PaymentTransition.step(state, .authorize(Sample.terms))
    }

    @Test func `NONE: writes the intent`() { #expect(step(Sample.none) == .begin(.authorize)) }
    @Test func `AUTH_INTENT or UNKNOWN: waits for the resolution`() {
        #expect(step(Sample.authorizing) == .wait)
        #expect(step(Sample.authorizingVoid) == .wait)
    }
    @Test func `AUTHORIZED: says so again`() {
        #expect(step(Sample.authorized) == .answer(.authorized(reference: "auth_1")))
    }
    @Test func `DECLINED: says so again, with the first reason`() {
        #expect(step(Sample.declined) == .answer(.authDeclined(reason: "card_declined")))
    }
    @Test func `CAPTURE_INTENT or UNKNOWN: it was authorized`() {
        #expect(step(Sample.capturing) == .answer(.authorized(reference: "auth_1")))
    }
    @Test func `CAPTURE_FAILED: it was authorized`() {
        #expect(step(Sample.captureFailed) == .answer(.authorized(reference: "auth_1")))
    }
    @Test func `CAPTURED: it was authorized`() {
        #expect(step(Sample.captured) == .answer(.authorized(reference: "auth_1")))
    }
    @Test func `VOIDING: closed`() {
        #expect(step(Sample.voiding) == .answer(.authDeclined(reason: "closed")))
    }
    @Test func `VOIDED: closed, so a late Authorize holds nothing`() {
        #expect(step(Sample.voided) == .answer(.authDeclined(reason: "closed")))
        #expect(step(Sample.tombstone) == .answer(.authDeclined(reason: "closed")))
    }
    @Test func `another total than the first one is a contradiction in every state with terms`() {
        for state in Sample.all where state.terms != nil {
            #expect(
                PaymentTransition.step(state, .authorize(Sample.otherTerms))
                    == .contradiction(code: "authorize_with_other_terms"))
        }
    }
}

@Suite struct `PaymentTransition, Capture` {
    func step(_ state: PaymentState) -> Decision { PaymentTransition.step(state, .capture) }

    @Test func `NONE: fails and leaves a tombstone`() {
        #expect(step(Sample.none) == .close(.captureFailed(reason: "not_authorized")))
    }
    @Test func `AUTH_INTENT or UNKNOWN: waits`() { #expect(step(Sample.authorizing) == .wait) }
    @Test func `AUTHORIZED: writes the intent`() {
        #expect(step(Sample.authorized) == .begin(.capture))
    }
    @Test func `DECLINED: fails`() {
        #expect(step(Sample.declined) == .answer(.captureFailed(reason: "card_declined")))
    }
    @Test func `CAPTURE_INTENT or UNKNOWN: waits for the resolution`() {
        #expect(step(Sample.capturing) == .wait)
        #expect(step(Sample.capturingVoid) == .wait)
    }
    @Test func `CAPTURE_FAILED: stays failed, never a new attempt`() {
        #expect(step(Sample.captureFailed) == .answer(.captureFailed(reason: "capture_refused")))
    }
    @Test func `CAPTURED: says so again`() {
        #expect(step(Sample.captured) == .answer(.captured(reference: "cap_1")))
    }
    @Test func `VOIDING: fails`() {
        #expect(step(Sample.voiding) == .answer(.captureFailed(reason: "closed")))
    }
    @Test func `VOIDED: fails, with the reason of an earlier refusal if there was one`() {
        #expect(step(Sample.voided) == .answer(.captureFailed(reason: "closed")))
        #expect(step(Sample.tombstone) == .answer(.captureFailed(reason: "closed")))
        let refused = PaymentState.voided(Sample.terms, reference: "auth_1", reason: "refused")
        #expect(step(refused) == .answer(.captureFailed(reason: "refused")))
    }
}

@Suite struct `PaymentTransition, Void` {
    func step(_ state: PaymentState) -> Decision { PaymentTransition.step(state, .void) }

    @Test func `NONE: leaves a tombstone`() {
        #expect(step(Sample.none) == .close(.voided(.nothing)))
    }
    @Test func `AUTH_INTENT or UNKNOWN: is noted once, and resolved first`() {
        #expect(step(Sample.authorizing) == .wantVoid)
        #expect(step(Sample.authorizingVoid) == .wait)
    }
    @Test func `AUTHORIZED: writes the intent`() { #expect(step(Sample.authorized) == .begin(.void)) }
    @Test func `DECLINED: there is nothing to give back`() {
        #expect(step(Sample.declined) == .answer(.voided(.nothing)))
    }
    @Test func `CAPTURE_INTENT or UNKNOWN: is noted once, and resolved first`() {
        #expect(step(Sample.capturing) == .wantVoid)
        #expect(step(Sample.capturingVoid) == .wait)
    }
    @Test func `CAPTURE_FAILED: writes the intent`() {
        #expect(step(Sample.captureFailed) == .begin(.void))
    }
    @Test func `CAPTURED: says that it came too late`() {
        #expect(step(Sample.captured) == .answer(.voided(.alreadyCaptured)))
    }
    @Test func `VOIDING: the call under way will answer`() { #expect(step(Sample.voiding) == .wait) }
    @Test func `VOIDED: says so again; a tombstone says nothing`() {
        #expect(step(Sample.voided) == .answer(.voided(.voided)))
        #expect(step(Sample.tombstone) == .answer(.voided(.nothing)))
    }
}

@Suite struct `PaymentTransition, Refund` {
    @Test func `only a captured payment can be refunded`() {
        for state in Sample.all {
            let expected: Decision =
                switch state {
                case .captured: .begin(.refund)
                case .capturing: .wait
                default: .contradiction(code: "refund_without_capture")
                }
            #expect(PaymentTransition.step(state, .refund(1)) == expected)
        }
    }
}
