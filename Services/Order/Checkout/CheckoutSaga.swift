package import Contracts

/// The checkout's transition function: total and pure. Each `case` below is one row of the table of
/// correctness.md §2, each inner switch its cells; no `default` anywhere, so a new state or event
/// does not compile until every cell is filled.
package enum CheckoutSaga {
    package static let type = "checkout"

    /// Decides one cell. `open` are the steps still open; only COMPENSATING looks at it.
    package static func decide(_ state: CheckoutState, _ event: CheckoutEvent, open: Set<Step>)
        -> CheckoutDecision
    {
        switch event {
        case .reserved: reserved(state)
        case .reserveRejected: reserveRejected(state)
        case .authorized: authorized(state)
        case .authDeclined: authDeclined(state)
        case .authPending: authPending(state)
        case .stockCommitted: stockCommitted(state)
        case .commitRejected: commitRejected(state)
        case .reservationExpired: reservationExpired(state)
        case .captured: captured(state)
        case .captureFailed: captureFailed(state)
        case .voided: voided(state, open)
        case .voidFoundCaptured: voidFoundCaptured(state, open)
        case .released: released(state, open)
        case .retryTimer: retryTimer(state)
        case .budgetOver: budgetOver(state)
        case .userCancel: userCancel(state)
        }
    }

    private static func reserved(_ state: CheckoutState) -> CheckoutDecision {
        switch state {
        case .reserving: .advance(.authorizing, sending: .authorize)
        // The Release that is under way fences it at Inventory (D11).
        case .compensating: .late
        case .authorizing, .committing, .capturing, .confirmed, .cancelled: .late
        }
    }

    private static func reserveRejected(_ state: CheckoutState) -> CheckoutDecision {
        switch state {
        case .reserving: .cancel(.noStock)
        case .compensating, .cancelled: .late
        case .authorizing, .committing, .capturing, .confirmed: .contradiction
        }
    }

    private static func authorized(_ state: CheckoutState) -> CheckoutDecision {
        switch state {
        case .authorizing: .advance(.committing, sending: .commitStock)
        case .reserving: .contradiction
        case .committing, .capturing, .compensating, .confirmed, .cancelled: .late
        }
    }

    private static func authDeclined(_ state: CheckoutState) -> CheckoutDecision {
        switch state {
        case .authorizing: .compensate([.release], .paymentDeclined)
        case .compensating, .cancelled: .late
        case .reserving, .committing, .capturing, .confirmed: .contradiction
        }
    }

    private static func authPending(_ state: CheckoutState) -> CheckoutDecision {
        switch state {
        case .authorizing: .park(.authPending, resending: false)
        case .committing, .capturing, .compensating, .cancelled: .late
        case .reserving, .confirmed: .contradiction
        }
    }

    private static func stockCommitted(_ state: CheckoutState) -> CheckoutDecision {
        switch state {
        case .committing: .advance(.capturing, sending: .capture)
        case .reserving, .authorizing: .contradiction
        case .capturing, .compensating, .confirmed, .cancelled: .late
        }
    }

    private static func commitRejected(_ state: CheckoutState) -> CheckoutDecision {
        switch state {
        // The hold is gone already, so only the money is left to give back.
        case .committing: .compensate([.void], .reservationExpired)
        case .compensating, .cancelled: .late
        case .reserving, .authorizing, .capturing, .confirmed: .contradiction
        }
    }

    private static func reservationExpired(_ state: CheckoutState) -> CheckoutDecision {
        switch state {
        case .reserving: .compensate([.release], .reservationExpired)
        case .authorizing: .compensate([.void, .release], .reservationExpired)
        // CommitRejected will come, and decides.
        case .committing, .compensating, .cancelled: .late
        case .capturing, .confirmed: .contradiction
        }
    }

    private static func captured(_ state: CheckoutState) -> CheckoutDecision {
        switch state {
        case .capturing: .confirm
        case .confirmed: .late
        case .compensating: .refundDue(closing: .void)
        case .cancelled: .refundDue(closing: nil)
        case .reserving, .authorizing, .committing: .contradiction
        }
    }

    private static func captureFailed(_ state: CheckoutState) -> CheckoutDecision {
        switch state {
        case .capturing: .compensate([.void, .release], .captureRefused)
        case .compensating, .cancelled: .late
        case .reserving, .authorizing, .committing, .confirmed: .contradiction
        }
    }

    private static func voided(_ state: CheckoutState, _ open: Set<Step>) -> CheckoutDecision {
        switch state {
        case .compensating: open.contains(.void) ? .undone(.void) : .late
        case .cancelled: .late
        case .reserving, .authorizing, .committing, .capturing, .confirmed: .contradiction
        }
    }

    private static func voidFoundCaptured(_ state: CheckoutState, _ open: Set<Step>)
        -> CheckoutDecision
    {
        switch state {
        case .compensating: .refundDue(closing: open.contains(.void) ? .void : nil)
        case .cancelled: .refundDue(closing: nil)
        case .reserving, .authorizing, .committing, .capturing, .confirmed: .contradiction
        }
    }

    private static func released(_ state: CheckoutState, _ open: Set<Step>) -> CheckoutDecision {
        switch state {
        case .compensating: open.contains(.release) ? .undone(.release) : .late
        // A refund saga of a confirmed order releases, too.
        case .confirmed, .cancelled: .late
        case .reserving, .authorizing, .committing, .capturing: .contradiction
        }
    }

    private static func retryTimer(_ state: CheckoutState) -> CheckoutDecision {
        switch state {
        case .reserving, .authorizing, .committing, .capturing, .compensating: .resend
        // A terminal saga has no timer; one that fires all the same finds nothing to do.
        case .confirmed, .cancelled: .late
        }
    }

    private static func budgetOver(_ state: CheckoutState) -> CheckoutDecision {
        switch state {
        case .reserving: .compensate([.release], .timedOut)
        case .authorizing, .committing: .compensate([.void, .release], .timedOut)
        // Captured in doubt is never compensated (D11): a person is called, the sends go on.
        case .capturing: .park(.captureOverdue, resending: true)
        case .compensating: .park(.compensationOverdue, resending: true)
        case .confirmed, .cancelled: .late
        }
    }

    private static func userCancel(_ state: CheckoutState) -> CheckoutDecision {
        switch state {
        case .reserving: .compensate([.release], .cancelledByCustomer)
        case .authorizing, .committing: .compensate([.void, .release], .cancelledByCustomer)
        case .capturing: .park(.cancelWhileCapturing, resending: false)
        case .compensating, .cancelled: .acknowledge
        case .confirmed: .park(.refundRequested, resending: false)
        }
    }
}
