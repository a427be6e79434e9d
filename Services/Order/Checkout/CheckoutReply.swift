import Basics
import Contracts
import Messaging

/// A reply as the transition function sees it.
struct CheckoutReply: Sendable, Equatable {
    let event: CheckoutEvent
    /// What is stored as the step's answer.
    let code: String
    /// What the customer's timeline shows of it.
    let detail: [String: String]

    /// Reads a message of `order.replies.v1`; a type that this build does not know is poison.
    static func read(_ message: IncomingMessage) throws -> CheckoutReply {
        let type = message.envelope.type
        func reply(_ event: CheckoutEvent, _ code: String? = nil, _ detail: [String: String] = [:])
            -> CheckoutReply
        {
            CheckoutReply(event: event, code: code ?? type, detail: detail)
        }
        switch type {
        case InventoryReplies.Reserved.type: return reply(.reserved)
        case InventoryReplies.ReserveRejected.type:
            let payload = try message.decode(InventoryReplies.ReserveRejected.self)
            var detail = ["reason": payload.reason.rawValue]
            detail["sku"] = payload.sku?.text
            detail["available"] = payload.available.map(String.init)
            return reply(.reserveRejected, payload.reason.rawValue, detail)
        case InventoryReplies.StockCommitted.type: return reply(.stockCommitted)
        case InventoryReplies.CommitRejected.type:
            let payload = try message.decode(InventoryReplies.CommitRejected.self)
            return reply(.commitRejected, payload.reason, ["reason": payload.reason])
        case InventoryReplies.Released.type:
            let outcome = try message.decode(InventoryReplies.Released.self).outcome.rawValue
            return reply(.released, outcome, ["outcome": outcome])
        case InventoryReplies.ReservationExpired.type: return reply(.reservationExpired)
        case PaymentReplies.Authorized.type:
            let payload = try message.decode(PaymentReplies.Authorized.self)
            return reply(.authorized, nil, ["provider_ref": payload.providerRef])
        case PaymentReplies.AuthDeclined.type:
            let payload = try message.decode(PaymentReplies.AuthDeclined.self)
            return reply(.authDeclined, payload.reason, ["reason": payload.reason])
        case PaymentReplies.AuthPending.type: return reply(.authPending)
        case PaymentReplies.Captured.type:
            let payload = try message.decode(PaymentReplies.Captured.self)
            return reply(.captured, nil, ["provider_ref": payload.providerRef])
        case PaymentReplies.CaptureFailed.type:
            let payload = try message.decode(PaymentReplies.CaptureFailed.self)
            return reply(.captureFailed, payload.reason, ["reason": payload.reason])
        case PaymentReplies.Voided.type:
            let outcome = try message.decode(PaymentReplies.Voided.self).outcome
            return reply(
                outcome == .alreadyCaptured ? .voidFoundCaptured : .voided, outcome.rawValue,
                ["outcome": outcome.rawValue])
        default:
            throw Poison(
                .undecodable, code: "unknown_type", "'\(type)' is no reply that this build knows")
        }
    }
}
