package import Contracts

/// The states of the checkout saga (correctness.md §2). Raw values are stored data.
package enum CheckoutState: String, Sendable, CaseIterable {
    /// Stock is being held. Exits: AUTHORIZING, CANCELLED (no stock), COMPENSATING.
    case reserving = "RESERVING"
    /// Money is being held. Exits: COMMITTING, COMPENSATING.
    case authorizing = "AUTHORIZING"
    /// The hold becomes a sale. Exits: CAPTURING, COMPENSATING.
    case committing = "COMMITTING"
    /// The pivot: money is being taken, and in doubt it is never given up. Exits: CONFIRMED, and
    /// COMPENSATING on a definitive refusal only.
    case capturing = "CAPTURING"
    /// Void and Release are being carried out. Exits: itself (one of two done), CANCELLED.
    case compensating = "COMPENSATING"
    case confirmed = "CONFIRMED"
    case cancelled = "CANCELLED"

    package var isTerminal: Bool { self == .confirmed || self == .cancelled }

    /// What the customer is told (D20).
    package var status: String {
        switch self {
        case .reserving, .authorizing, .committing: "PENDING"
        case .capturing: "PROCESSING_PAYMENT"
        case .compensating: "CANCELLING"
        case .confirmed: "CONFIRMED"
        case .cancelled: "CANCELLED"
        }
    }
}

/// Everything that can happen to a checkout.
package enum CheckoutEvent: Sendable, Equatable {
    case reserved
    case reserveRejected
    case authorized
    case authDeclined
    case authPending
    case stockCommitted
    case commitRejected
    case reservationExpired
    case captured
    case captureFailed
    case voided
    case voidFoundCaptured
    case released
    case retryTimer
    case budgetOver
    case userCancel
}

/// Why an order was cancelled; stored, shown to the customer, and part of `OrderCancelled`.
package enum CancelReason: String, Sendable, CaseIterable {
    case noStock = "no_stock"
    case paymentDeclined = "payment_declined"
    case reservationExpired = "reservation_expired"
    case timedOut = "timed_out"
    case captureRefused = "capture_refused"
    case cancelledByCustomer = "cancelled_by_customer"
}

/// Why a saga waits for a person, or for a part that this build does not carry out by itself.
package enum ParkReason: String, Sendable, CaseIterable {
    /// The provider asked for more time; retries and the budget go on.
    case authPending = "auth_pending"
    /// Money was taken for an order that is not confirmed: a refund is due.
    case refundDue = "refund_due"
    /// The customer wants a confirmed order cancelled: a refund is due.
    case refundRequested = "refund_requested"
    /// The customer wants out while the capture is in doubt.
    case cancelWhileCapturing = "cancel_while_capturing"
    /// The capture has had no answer for its whole budget; it goes on.
    case captureOverdue = "capture_overdue"
    /// A compensation has had no answer for its whole budget; it goes on.
    case compensationOverdue = "compensation_overdue"
}

/// What the table says for one cell.
package enum CheckoutDecision: Sendable, Equatable {
    /// → the next forward state, opening its step.
    case advance(CheckoutState, sending: Step)
    /// → CONFIRMED.
    case confirm
    /// → CANCELLED without anything to undo.
    case cancel(CancelReason)
    /// → COMPENSATING with these steps open.
    case compensate([Step], CancelReason)
    /// One compensation is done; → CANCELLED when it was the last open one.
    case undone(Step)
    /// `·` late or duplicate: counted, otherwise nothing.
    case late
    /// `!` contradiction: alarm and dead letter, no state change.
    case contradiction
    /// `R` send the open steps once more under new message ids.
    case resend
    /// Raise the flag; open steps are sent again when `resending`.
    case park(ParkReason, resending: Bool)
    /// Money was taken although the order will not be: the flag, and the void counts as done.
    case refundDue(closing: Step?)
    /// The customer's wish is noted (or was fulfilled already); the answer is 200 or 202.
    case acknowledge
}
