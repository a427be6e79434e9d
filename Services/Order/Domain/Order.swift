package import Basics
package import Contracts

/// One line of an order, with the price frozen at checkout (D17).
package struct OrderLine: Sendable, Equatable {
    package let sku: SKU
    package let quantity: Int
    package let unitPrice: Money
    package let name: String

    package init(sku: SKU, quantity: Int, unitPrice: Money, name: String) {
        self.sku = sku
        self.quantity = quantity
        self.unitPrice = unitPrice
        self.name = name
    }
}

/// An order as placed. Nothing of it ever changes; what becomes of it is the saga's story.
package struct Order: Sendable, Equatable {
    package let id: OrderID
    package let customerID: CustomerID
    package let cartID: CartID
    package let cartVersion: Int64
    package let lines: [OrderLine]
    package let total: Money
    package let cardToken: String

    /// Why a cart cannot become an order.
    package enum Refusal: Error, Equatable {
        case cartEmpty
        case mixedCurrencies
        case totalOutOfRange
    }

    /// The largest total, in minor units: far above a shop's orders, far below overflow.
    package static let totalMinorMax: Int64 = 1_000_000_000_000

    /// Places an order: lines sorted by SKU (the lock order of stock rows, D18), total computed here.
    package static func place(
        id: OrderID, customerID: CustomerID, cartID: CartID, cartVersion: Int64,
        lines: [OrderLine], cardToken: String
    ) throws(Refusal) -> Order {
        guard let currency = lines.first?.unitPrice.currency else { throw .cartEmpty }
        var total = Money(minor: 0, currency: currency)
        for line in lines {
            guard line.unitPrice.currency == currency else { throw .mixedCurrencies }
            guard let sum = line.unitPrice.multiplied(by: line.quantity).flatMap(total.adding)
            else { throw .totalOutOfRange }
            total = sum
        }
        guard total.minor > 0, total.minor <= totalMinorMax else { throw .totalOutOfRange }
        return Order(
            id: id, customerID: customerID, cartID: cartID, cartVersion: cartVersion,
            lines: lines.sorted { $0.sku < $1.sku }, total: total, cardToken: cardToken)
    }

    /// Rebuilds a stored order; what was stored is not judged again.
    package init(
        id: OrderID, customerID: CustomerID, cartID: CartID, cartVersion: Int64,
        lines: [OrderLine], total: Money, cardToken: String
    ) {
        self.id = id
        self.customerID = customerID
        self.cartID = cartID
        self.cartVersion = cartVersion
        self.lines = lines
        self.total = total
        self.cardToken = cardToken
    }

    package var contractLines: [Line] { lines.map { Line(sku: $0.sku, quantity: $0.quantity) } }

    /// The text whose SHA-256 is the lines' hash: `SKU=quantity` per line, in SKU order.
    package var linesText: String {
        lines.map { "\($0.sku)=\($0.quantity)" }.joined(separator: "\n")
    }
}
