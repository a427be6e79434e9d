import Contracts
import OrderService
import Testing

/// The table of correctness.md §2, written out once more and independently of the code: one row per
/// event, one cell per state in the order of `CheckoutState.allCases`.
private let table: [(event: CheckoutEvent, cells: [CheckoutDecision])] = {
    let late = CheckoutDecision.late
    let no = CheckoutDecision.contradiction
    func undo(_ steps: [Step], _ reason: CancelReason) -> CheckoutDecision {
        .compensate(steps, reason)
    }
    let refund = CheckoutDecision.refundDue(closing: nil)
    return [
        // RESERVING, AUTHORIZING, COMMITTING, CAPTURING, COMPENSATING{V,R}, CONFIRMED, CANCELLED
        (.reserved,
            [.advance(.authorizing, sending: .authorize), late, late, late, late, late, late]),
        (.reserveRejected, [.cancel(.noStock), no, no, no, late, no, late]),
        (.authorized,
            [no, .advance(.committing, sending: .commitStock), late, late, late, late, late]),
        (.authDeclined, [no, undo([.release], .paymentDeclined), no, no, late, no, late]),
        (.authPending,
            [no, .park(.authPending, resending: false), late, late, late, no, late]),
        (.stockCommitted,
            [no, no, .advance(.capturing, sending: .capture), late, late, late, late]),
        (.commitRejected, [no, no, undo([.void], .reservationExpired), no, late, no, late]),
        (.reservationExpired,
            [
                undo([.release], .reservationExpired),
                undo([.void, .release], .reservationExpired), late, no, late, no, late,
            ]),
        (.captured, [no, no, no, .confirm, .refundDue(closing: .void), late, refund]),
        (.captureFailed,
            [no, no, no, undo([.void, .release], .captureRefused), late, no, late]),
        (.voided, [no, no, no, no, .undone(.void), no, late]),
        (.voidFoundCaptured, [no, no, no, no, .refundDue(closing: .void), no, refund]),
        (.released, [no, no, no, no, .undone(.release), late, late]),
        (.retryTimer, [.resend, .resend, .resend, .resend, .resend, late, late]),
        (.budgetOver,
            [
                undo([.release], .timedOut), undo([.void, .release], .timedOut),
                undo([.void, .release], .timedOut), .park(.captureOverdue, resending: true),
                .park(.compensationOverdue, resending: true), late, late,
            ]),
        (.userCancel,
            [
                undo([.release], .cancelledByCustomer),
                undo([.void, .release], .cancelledByCustomer),
                undo([.void, .release], .cancelledByCustomer),
                .park(.cancelWhileCapturing, resending: false), .acknowledge,
                .park(.refundRequested, resending: false), .acknowledge,
            ]),
    ]
}()

struct Cell: Sendable, CustomTestStringConvertible {
    let state: CheckoutState
    let event: CheckoutEvent
    let expected: CheckoutDecision
    var testDescription: String { "\(event) in \(state.rawValue)" }

    static let all = table.flatMap { row in
        zip(CheckoutState.allCases, row.cells).map {
            Cell(state: $0, event: row.event, expected: $1)
        }
    }
}

@Suite struct CheckoutSagaTests {
    @Test(arguments: Cell.all)
    func `each cell is as the table says`(cell: Cell) {
        let open: Set<Step> = cell.state == .compensating ? [.void, .release] : []
        #expect(CheckoutSaga.decide(cell.state, cell.event, open: open) == cell.expected)
    }

    @Test func `the table has a cell for every state and event`() {
        #expect(table.count == 16)
        #expect(table.allSatisfy { $0.cells.count == CheckoutState.allCases.count })
    }

    @Test func `a compensation that is done already is late`() {
        #expect(CheckoutSaga.decide(.compensating, .voided, open: [.release]) == .late)
        #expect(CheckoutSaga.decide(.compensating, .released, open: [.void]) == .late)
        #expect(
            CheckoutSaga.decide(.compensating, .voidFoundCaptured, open: [.release])
                == .refundDue(closing: nil))
    }

    @Test func `captured in doubt is never compensated`() {
        for event in [CheckoutEvent.retryTimer, .budgetOver, .userCancel, .reservationExpired] {
            if case .compensate = CheckoutSaga.decide(.capturing, event, open: [.capture]) {
                Issue.record("\(event) gives the capture up (D11)")
            }
        }
    }
}
