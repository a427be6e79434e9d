import Basics
import Contracts
import Crypto
import Messaging
import Saga

/// Turns an opened or re-sent step into the command that carries it out.
struct CheckoutCommands: Sendable {
    let policy: CheckoutPolicy

    /// `sequence` is the saga_log seq that opened the step; the reply repeats it.
    func message(
        for step: Step, of order: Order, sequence: Int64, cause: UniqueID, traceparent: String?
    ) throws -> OutgoingMessage {
        func inventory<C: CommandPayload>(_ payload: C) throws -> OutgoingMessage {
            try .command(
                payload, to: Topics.inventoryCommands, orderID: order.id, stepSequence: sequence,
                cause: cause, traceparent: traceparent)
        }
        func payment<C: CommandPayload>(_ payload: C) throws -> OutgoingMessage {
            try .command(
                payload, to: Topics.paymentCommands, orderID: order.id, stepSequence: sequence,
                cause: cause, traceparent: traceparent)
        }
        switch step {
        case .reserve:
            return try inventory(
                InventoryCommands.Reserve(
                    lines: order.contractLines, linesHash: Self.hash(of: order),
                    ttlSeconds: policy.reservationSeconds))
        case .commitStock: return try inventory(InventoryCommands.CommitStock())
        case .release: return try inventory(InventoryCommands.Release())
        case .authorize:
            return try payment(
                PaymentCommands.Authorize(
                    total: order.total, cardToken: order.cardToken, customerID: order.customerID))
        case .capture: return try payment(PaymentCommands.Capture())
        case .void: return try payment(PaymentCommands.Void())
        }
    }

    /// What the world is told when a saga has ended.
    func announcement(
        _ announcement: CheckoutPlan.Announcement, of order: Order, cause: UniqueID,
        traceparent: String?
    ) throws -> OutgoingMessage {
        switch announcement {
        case .confirmed:
            try .notice(
                OrderEvents.OrderConfirmed(
                    orderID: order.id, customerID: order.customerID, cartID: order.cartID,
                    cartVersion: order.cartVersion, lines: order.contractLines, total: order.total),
                to: Topics.orderEvents, orderID: order.id, cause: cause, traceparent: traceparent)
        case .cancelled(let reason):
            try .notice(
                OrderEvents.OrderCancelled(
                    orderID: order.id, customerID: order.customerID, cartID: order.cartID,
                    cartVersion: order.cartVersion, reason: reason.rawValue),
                to: Topics.orderEvents, orderID: order.id, cause: cause, traceparent: traceparent)
        }
    }

    static func hash(of order: Order) -> String { SHA256.hex(Array(order.linesText.utf8)) }
}
