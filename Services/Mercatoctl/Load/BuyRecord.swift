package import Basics

/// The kinds of requests that load sends; the raw value is the name in reports.
package enum CallKind: String, Sendable, CaseIterable {
    case catalogue
    case product
    case cartOpen = "cart_open"
    case cartAdd = "cart_add"
    case orderPlace = "order_place"
    /// The order's event stream, read to its end: its latency is the time until the order ended.
    case orderFollow = "order_follow"
    /// The order itself, asked for when the stream broke off.
    case orderRead = "order_read"
}

/// One request and what came of it.
package struct CallRecord: Sendable {
    package let kind: CallKind
    package let status: Int?
    package let failure: String?
    /// From the instant at which it should have begun. The first request of an arrival should begin
    /// at the arrival's instant, each later one when the one before has ended.
    package let latency: Duration

    package var isGood: Bool { failure == nil && status.map { (200..<300).contains($0) } ?? false }
}

/// What a customer wants.
package struct Purchase: Sendable, Equatable {
    package var sku: String
    package var quantity: Int
    package var cardToken: String

    package init(sku: String, quantity: Int = 1, cardToken: String = "tok_ok") {
        self.sku = sku
        self.quantity = quantity
        self.cardToken = cardToken
    }

    /// Whether its order must be confirmed when there is stock and nothing fails.
    package var isGood: Bool { cardToken == "tok_ok" }
}

/// How an attempt to buy something ended.
package enum BuyEnd: Sendable, Equatable {
    case confirmed
    case cancelled(reason: String)
    /// Accepted, and neither confirmed nor cancelled when patience ended.
    case unfinished
    /// The order was sent and its answer is missing or was an error of the server: there may be an
    /// order.
    case unknown
    /// The order, or a step before it, was refused for good.
    case refused(status: Int)
    /// A step before the order failed: there is no order.
    case notPlaced
}

/// One attempt of a checkout, from the intended instant on.
package struct BuyRecord: Sendable {
    package let purchase: Purchase
    package let customer: UniqueID
    /// The `Idempotency-Key` of the order.
    package let key: String
    package let intended: ContinuousClock.Instant
    package var calls: [CallRecord] = []
    package var end = BuyEnd.notPlaced
    /// Known from the 202 on.
    package var orderID: String?
    /// From the intended instant to the 202.
    package var accepted: Duration?
    /// From the intended instant to the order's final state.
    package var ended: Duration?

    package init(
        purchase: Purchase, customer: UniqueID, key: String, intended: ContinuousClock.Instant
    ) {
        self.purchase = purchase
        self.customer = customer
        self.key = key
        self.intended = intended
    }
}
