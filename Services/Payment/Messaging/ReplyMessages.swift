import Basics
import Contracts
import Messaging
import Postgres

/// Replies as messages: same order, step and step sequence as the command, caused by it.
enum ReplyMessages {
    static func message(
        _ reply: PaymentReply, to command: CommandReference, order: OrderID, random: RandomSource
    ) throws -> OutgoingMessage {
        guard let step = Step(rawValue: command.step) else {
            throw PostgresError(.decoding, "payment_ops.step is unknown")
        }
        let envelope = Envelope(
            messageID: command.messageID, type: step.rawValue, orderID: order, step: step,
            stepSequence: command.stepSequence, causationID: command.messageID,
            traceparent: command.traceparent)
        func make(_ payload: some Payload) throws -> OutgoingMessage {
            try .reply(payload, to: envelope, random: random)
        }
        switch reply {
        case .authorized(let reference):
            return try make(PaymentReplies.Authorized(providerRef: reference))
        case .authDeclined(let reason):
            return try make(PaymentReplies.AuthDeclined(reason: reason))
        case .authPending:
            return try make(PaymentReplies.AuthPending())
        case .captured(let reference):
            return try make(PaymentReplies.Captured(providerRef: reference))
        case .captureFailed(let reason):
            return try make(PaymentReplies.CaptureFailed(reason: reason))
        case .voided(let outcome):
            return try make(PaymentReplies.Voided(outcome: outcome.contract))
        }
    }
}

extension VoidOutcome {
    var contract: PaymentReplies.Voided.Outcome {
        switch self {
        case .voided: .voided
        case .nothing: .nothing
        case .alreadyCaptured: .alreadyCaptured
        }
    }
}
