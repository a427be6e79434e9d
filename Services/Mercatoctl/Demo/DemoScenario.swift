/// One order of the demo and the end it must come to.
package struct DemoScenario: Sendable, Equatable {
    package let title: String
    package let sku: String
    package let quantity: Int
    package let cardToken: String
    package let status: String
    package let reason: String?
    /// An event that the timeline must have.
    package let event: String

    package static let all: [DemoScenario] = [
        DemoScenario(
            title: "A good card: the order is confirmed", sku: DemoProduct.confirmed, quantity: 2,
            cardToken: "tok_ok", status: "CONFIRMED", reason: nil, event: "PaymentCaptured"),
        DemoScenario(
            title: "A declined card: the order is cancelled, its stock goes back",
            sku: DemoProduct.declined, quantity: 1, cardToken: "tok_declined",
            status: "CANCELLED", reason: "payment_declined", event: "StockReleased"),
        DemoScenario(
            title: "A product without stock: the order is cancelled, no money is asked for",
            sku: DemoProduct.soldOut, quantity: 1, cardToken: "tok_ok", status: "CANCELLED",
            reason: "no_stock", event: "StockRejected"),
    ]

    /// What the outcome means, as a sentence, and whether it is the expected one.
    package func judge(status: String, reason: String?, events: [String])
        -> (text: String, asExpected: Bool)
    {
        let outcome = reason.map { "\(status) (\($0))" } ?? status
        if status == self.status, reason == self.reason {
            if events.contains(event) { return (outcome, true) }
            return ("!! \(outcome), but its timeline lacks \(event)", false)
        }
        let wanted = self.reason.map { "\(self.status) (\($0))" } ?? self.status
        return ("!! \(outcome), expected was \(wanted)", false)
    }
}
