package import Basics
package import Contracts

/// What `saga_steps` says about one step.
package struct StepRecord: Sendable, Equatable {
    package enum Status: String, Sendable {
        case open = "OPEN"
        case ok = "OK"
        case refused = "REFUSED"
        /// Abandoned because the saga turned back while the step was open.
        case undone = "UNDONE"
    }

    /// The saga_log seq that opened the step; a reply must repeat it.
    package let sequence: Int64
    package let status: Status
    package let sends: Int
    /// Time since its command was first sent, by the database's clock.
    package let age: Duration

    package init(sequence: Int64, status: Status, sends: Int = 1, age: Duration = .zero) {
        self.sequence = sequence
        self.status = status
        self.sends = sends
        self.age = age
    }
}

/// A saga as loaded under its row lock.
package struct SagaSnapshot: Sendable, Equatable {
    package let orderID: OrderID
    package let type: String
    package let state: String
    /// The last saga_log seq.
    package let version: Int64
    package let openSteps: Set<Step>
    package let cancelRequested: Bool
    package let tries: Int
    package let isPastDeadline: Bool
    package let reason: String?
    package let parkedReason: String?
    package let traceparent: String?
    package let steps: [Step: StepRecord]

    package init(
        orderID: OrderID, type: String, state: String, version: Int64, openSteps: Set<Step>,
        cancelRequested: Bool = false, tries: Int = 0, isPastDeadline: Bool = false,
        reason: String? = nil, parkedReason: String? = nil, traceparent: String? = nil,
        steps: [Step: StepRecord] = [:]
    ) {
        self.orderID = orderID
        self.type = type
        self.state = state
        self.version = version
        self.openSteps = openSteps
        self.cancelRequested = cancelRequested
        self.tries = tries
        self.isPastDeadline = isPastDeadline
        self.reason = reason
        self.parkedReason = parkedReason
        self.traceparent = traceparent
        self.steps = steps
    }
}

/// Which sending of which step a reply answers (correctness.md §2).
package enum Correlation: Sendable, Equatable {
    case current
    /// An answer to an earlier opening of the step: counted, otherwise ignored (`·`).
    case late
    /// An answer to something never asked (`!`).
    case contradiction(String)

    package static func judge(_ envelope: Envelope, against saga: SagaSnapshot) -> Correlation {
        guard let step = envelope.step, let sequence = envelope.stepSequence else {
            return .contradiction("reply \(envelope.type) names no step")
        }
        guard let record = saga.steps[step] else {
            return .contradiction("step \(step.rawValue) was never opened")
        }
        if sequence < record.sequence { return .late }
        if sequence > record.sequence {
            return .contradiction(
                "step \(step.rawValue) was opened as \(record.sequence), the reply says \(sequence)")
        }
        return .current
    }
}

extension Set<Step> {
    /// The `open_steps` bit mask; bit positions are stored data and never change.
    package var mask: Int64 { reduce(0) { $0 | Self.bit($1) } }

    package init(mask: Int64) {
        self = Set(Step.allCases.filter { mask & Self.bit($0) != 0 })
    }

    private static func bit(_ step: Step) -> Int64 {
        switch step {
        case .reserve: 1
        case .authorize: 2
        case .commitStock: 4
        case .capture: 8
        case .void: 16
        case .release: 32
        }
    }
}
