package import Basics
package import Contracts

/// One transition as it will be written: a saga_log row, the instance, and the steps it touches.
package struct SagaMove: Sendable, Equatable {
    /// How a step leaves the open state.
    package struct Closing: Sendable, Equatable {
        package let step: Step
        package let status: StepRecord.Status
        package let replyCode: String

        package init(_ step: Step, _ status: StepRecord.Status, replyCode: String) {
            self.step = step
            self.status = status
            self.replyCode = replyCode
        }
    }

    /// When the saga is looked at again; nil for a terminal state.
    package struct Schedule: Sendable, Equatable {
        package let nextAttempt: Duration
        /// Nil keeps the deadline that stands.
        package let deadline: Duration?

        package init(nextAttempt: Duration, deadline: Duration?) {
            self.nextAttempt = nextAttempt
            self.deadline = deadline
        }
    }

    package let to: String
    package let cause: String
    /// The message that caused it; nil for a timer or an HTTP request.
    package let causeMessageID: UniqueID?
    package let opens: [Step]
    package let closes: [Closing]
    /// What is open afterwards.
    package let openSteps: Set<Step>
    package let reason: String?
    package let parkedReason: String?
    package let schedule: Schedule?

    package init(
        to: String, cause: String, causeMessageID: UniqueID?, opens: [Step] = [],
        closes: [Closing] = [], openSteps: Set<Step>, reason: String? = nil,
        parkedReason: String? = nil, schedule: Schedule?
    ) {
        self.to = to
        self.cause = cause
        self.causeMessageID = causeMessageID
        self.opens = opens
        self.closes = closes
        self.openSteps = openSteps
        self.reason = reason
        self.parkedReason = parkedReason
        self.schedule = schedule
    }
}
