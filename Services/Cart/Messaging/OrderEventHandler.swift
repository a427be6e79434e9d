package import Basics
import Contracts
package import Messaging
package import Postgres
package import Telemetry

/// Handles `order.events.v1`: a confirmed order empties its part of the cart, a cancelled one lets
/// the same contents be ordered again.
package struct OrderEventHandler: MessageHandler {
    private struct Effect: Hashable, Sendable {
        let type: String
        let effect: String
    }

    private let effects: CounterFamily<Effect>
    /// Called after the commit with a cart whose cached copy is old.
    private let changed: @Sendable (CartID) -> Void

    package init(metrics: MetricsRegistry, changed: @escaping @Sendable (CartID) -> Void) {
        let types = [OrderEvents.OrderConfirmed.type, OrderEvents.OrderCancelled.type]
        effects = CounterFamily(
            metrics, "mercato_cart_events_total",
            help: "Events of orders, by their effect on the cart.",
            from: types.flatMap {
                [Effect(type: $0, effect: "changed"), Effect(type: $0, effect: "unchanged")]
            }
        ) { ["type": $0.type, "effect": $0.effect] }
        self.changed = changed
    }

    package func handle(_ message: IncomingMessage, in transaction: Transaction) async throws {
        switch message.envelope.type {
        case OrderEvents.OrderConfirmed.type:
            let event = try message.decode(OrderEvents.OrderConfirmed.self)
            try check(event.orderID, event.cartVersion, message.envelope)
            try await settle(
                .confirmed(event.lines.map { CartLine(sku: $0.sku, quantity: $0.quantity) }),
                message.envelope, event.cartID, event.cartVersion, in: transaction)
        case OrderEvents.OrderCancelled.type:
            let event = try message.decode(OrderEvents.OrderCancelled.self)
            try check(event.orderID, event.cartVersion, message.envelope)
            try await settle(
                .cancelled, message.envelope, event.cartID, event.cartVersion, in: transaction)
        default:
            // An event that a newer Order tells is none of ours: counted and skipped (D16).
            count("other", "skipped", in: transaction)
        }
    }

    private func check(
        _ order: OrderID, _ cartVersion: Int64, _ envelope: Envelope
    ) throws {
        guard order == envelope.orderID, cartVersion > 0 else {
            throw Poison(
                .invariant, code: "event_contradicts_envelope",
                "the payload names order \(order), version \(cartVersion)")
        }
    }

    private func settle(
        _ settlement: CartStore.Settlement, _ envelope: Envelope, _ cart: CartID,
        _ version: Int64, in transaction: Transaction
    ) async throws {
        let hasChanged = try await CartStore.settle(
            envelope.orderID, settlement, cart: cart, orderedVersion: version,
            cause: envelope.messageID, in: transaction)
        count(envelope.type, hasChanged ? "changed" : "unchanged", in: transaction)
        guard hasChanged else { return }
        let changed = changed
        transaction.afterCommit { changed(cart) }
    }

    private func count(_ type: String, _ effect: String, in transaction: Transaction) {
        let counter = effects[Effect(type: type, effect: effect)]
        transaction.afterCommit { counter.increment() }
    }
}
