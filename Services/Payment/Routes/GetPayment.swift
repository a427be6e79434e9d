import Basics
import HTTP
import Postgres

/// GET /v1/payments/{order}: where the money of one order stands. Another customer's payment is
/// answered like an unknown one.
struct GetPayment: Sendable {
    let payments: PaymentStore
    let pool: Pool

    func add(to router: inout Router) {
        router.on(.get, "/v1/payments/{order}") { request in
            guard let customer = request.context.customer.flatMap({ CustomerID($0) }) else {
                throw Problem.unauthorized("The request names no customer.")
            }
            guard let order = OrderID(try request.parameter("order")),
                let row = try await payments.find(order, customer, in: pool),
                let view = PaymentView(row)
            else {
                throw Problem.notFound(
                    "payment_not_found", "There is no payment for this order.")
            }
            return try .json(200, view)
        }
    }
}

/// The public form of a payment. The provider's references and the card stay here.
struct PaymentView: Encodable, Sendable, Equatable {
    let orderID: OrderID
    let status: String
    let amount: Money
    let authorized: Money
    let captured: Money
    let isVoided: Bool
    let reason: String?
    let createdAt: WallTime
    let updatedAt: WallTime

    /// Nil for a tombstone: it belongs to nobody.
    init?(_ row: PaymentRow) {
        guard let terms = row.state.terms, let columns = PaymentColumns(row.state) else {
            return nil
        }
        let currency = terms.total.currency
        orderID = row.order
        status = columns.status
        amount = terms.total
        authorized = Money(minor: columns.authorized, currency: currency)
        captured = Money(minor: columns.captured, currency: currency)
        isVoided = columns.isVoided
        reason = columns.reason
        createdAt = row.created
        updatedAt = row.updated
    }

    enum CodingKeys: String, CodingKey {
        case orderID = "order_id"
        case status, amount, authorized, captured
        case isVoided = "voided"
        case reason
        case createdAt = "created_at"
        case updatedAt = "updated_at"
    }
}
