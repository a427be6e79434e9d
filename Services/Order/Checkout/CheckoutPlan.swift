package import Basics
package import Contracts
package import Saga

/// A decision turned into what will be written and sent. Still pure: the driver only carries it out.
package struct CheckoutPlan: Sendable, Equatable {
    /// What the customer's timeline gains.
    package struct Entry: Sendable, Equatable {
        package let type: String
        package let detail: [String: String]

        package init(_ type: String, _ detail: [String: String] = [:]) {
            self.type = type
            self.detail = detail
        }
    }

    package enum Announcement: Sendable, Equatable {
        case confirmed
        case cancelled(CancelReason)
    }

    package var move: SagaMove
    /// Steps whose commands are sent.
    package var sends: [Step]
    package var timeline: [Entry]
    package var announcement: Announcement?
}

extension CheckoutPlan {
    /// The names customers and tests read in a timeline.
    package enum EntryType {
        package static let placed = "OrderPlaced"
        package static let stockReserved = "StockReserved"
        package static let stockRejected = "StockRejected"
        package static let paymentAuthorized = "PaymentAuthorized"
        package static let paymentDeclined = "PaymentDeclined"
        package static let stockCommitted = "StockCommitted"
        package static let paymentCaptured = "PaymentCaptured"
        package static let undoing = "CompensationStarted"
        package static let paymentVoided = "PaymentVoided"
        package static let stockReleased = "StockReleased"
        package static let confirmed = "OrderConfirmed"
        package static let cancelled = "OrderCancelled"
    }

    /// The plan of a decision that changes the state; nil for those that do not.
    package static func make(
        _ decision: CheckoutDecision, _ event: CheckoutEvent, saga: SagaSnapshot,
        causeMessageID: UniqueID?, replyCode: String, detail: [String: String],
        policy: CheckoutPolicy
    ) -> CheckoutPlan? {
        let cause = "\(event)"
        switch decision {
        case .advance(let next, let step):
            return CheckoutPlan(
                move: SagaMove(
                    to: next.rawValue, cause: cause, causeMessageID: causeMessageID, opens: [step],
                    closes: closings(saga.openSteps, .ok, replyCode), openSteps: [step],
                    schedule: policy.schedule(opening: [step])),
                sends: [step], timeline: entry(event, detail), announcement: nil)
        case .confirm:
            return CheckoutPlan(
                move: SagaMove(
                    to: CheckoutState.confirmed.rawValue, cause: cause,
                    causeMessageID: causeMessageID,
                    closes: closings(saga.openSteps, .ok, replyCode), openSteps: [],
                    parkedReason: saga.cancelRequested ? ParkReason.refundRequested.rawValue : nil,
                    schedule: nil),
                sends: [], timeline: entry(event, detail) + [Entry(EntryType.confirmed)],
                announcement: .confirmed)
        case .cancel(let reason):
            return ended(
                saga, cause, causeMessageID, reason,
                closings(saga.openSteps, .refused, replyCode), entry(event, detail))
        case .compensate(let steps, let reason):
            let isRefusal = causeMessageID != nil && event != .reservationExpired
            return CheckoutPlan(
                move: SagaMove(
                    to: CheckoutState.compensating.rawValue, cause: cause,
                    causeMessageID: causeMessageID, opens: steps,
                    closes: closings(
                        saga.openSteps, isRefusal ? .refused : .undone,
                        isRefusal ? replyCode : "abandoned"),
                    openSteps: Set(steps), reason: reason.rawValue,
                    schedule: policy.schedule(opening: steps)),
                sends: steps,
                timeline: entry(event, detail)
                    + [Entry(EntryType.undoing, ["reason": reason.rawValue])],
                announcement: nil)
        case .undone(let step):
            return undone(
                step, saga, cause, causeMessageID, replyCode, entry(event, detail), policy)
        case .refundDue(closing: .some(let step)):
            var plan = undone(
                step, saga, cause, causeMessageID, replyCode, [], policy)
            plan.move = plan.move.parked(ParkReason.refundDue.rawValue)
            return plan
        case .late, .contradiction, .resend, .park, .refundDue(closing: nil), .acknowledge:
            return nil
        }
    }

    /// One compensation is done; the last one ends the saga.
    private static func undone(
        _ step: Step, _ saga: SagaSnapshot, _ cause: String, _ causeMessageID: UniqueID?,
        _ replyCode: String, _ timeline: [Entry], _ policy: CheckoutPolicy
    ) -> CheckoutPlan {
        let closing = SagaMove.Closing(step, .ok, replyCode: replyCode)
        let left = saga.openSteps.subtracting([step])
        let reason = saga.reason.flatMap(CancelReason.init(rawValue:)) ?? .timedOut
        guard !left.isEmpty else {
            return ended(saga, cause, causeMessageID, reason, [closing], timeline)
        }
        return CheckoutPlan(
            move: SagaMove(
                to: CheckoutState.compensating.rawValue, cause: cause,
                causeMessageID: causeMessageID, closes: [closing], openSteps: left,
                parkedReason: saga.parkedReason,
                schedule: SagaMove.Schedule(
                    nextAttempt: policy.compensation.attempt, deadline: nil)),
            sends: [], timeline: timeline, announcement: nil)
    }

    private static func ended(
        _ saga: SagaSnapshot, _ cause: String, _ causeMessageID: UniqueID?, _ reason: CancelReason,
        _ closes: [SagaMove.Closing], _ timeline: [Entry]
    ) -> CheckoutPlan {
        CheckoutPlan(
            move: SagaMove(
                to: CheckoutState.cancelled.rawValue, cause: cause, causeMessageID: causeMessageID,
                closes: closes, openSteps: [], reason: reason.rawValue,
                parkedReason: saga.parkedReason == ParkReason.refundDue.rawValue
                    ? saga.parkedReason : nil,
                schedule: nil),
            sends: [],
            timeline: timeline + [Entry(EntryType.cancelled, ["reason": reason.rawValue])],
            announcement: .cancelled(reason))
    }

    private static func closings(
        _ steps: Set<Step>, _ status: StepRecord.Status, _ code: String
    ) -> [SagaMove.Closing] {
        steps.sorted { $0.rawValue < $1.rawValue }
            .map { SagaMove.Closing($0, status, replyCode: code) }
    }

    private static func entry(_ event: CheckoutEvent, _ detail: [String: String]) -> [Entry] {
        switch event {
        case .reserved: [Entry(EntryType.stockReserved, detail)]
        case .reserveRejected: [Entry(EntryType.stockRejected, detail)]
        case .authorized: [Entry(EntryType.paymentAuthorized, detail)]
        case .authDeclined, .captureFailed: [Entry(EntryType.paymentDeclined, detail)]
        case .stockCommitted: [Entry(EntryType.stockCommitted, detail)]
        case .captured: [Entry(EntryType.paymentCaptured, detail)]
        case .voided: [Entry(EntryType.paymentVoided, detail)]
        case .released: [Entry(EntryType.stockReleased, detail)]
        case .authPending, .commitRejected, .reservationExpired, .voidFoundCaptured, .retryTimer,
            .budgetOver, .userCancel:
            []
        }
    }
}

extension SagaMove {
    func parked(_ reason: String) -> SagaMove {
        SagaMove(
            to: to, cause: cause, causeMessageID: causeMessageID, opens: opens, closes: closes,
            openSteps: openSteps, reason: self.reason, parkedReason: reason, schedule: schedule)
    }
}
