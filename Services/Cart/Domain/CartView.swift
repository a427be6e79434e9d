package import Basics

/// A cart as its customer sees it: the contents, and names and prices as far as they are known.
package struct CartView: Sendable, Equatable, Codable {
    package let id: CartID
    package let customer: CustomerID
    package let version: Int64
    package let lines: [Line]
    /// Nil while a price is unknown, or when the sum has no meaning (two currencies, too large).
    package let total: Money?

    package struct Line: Sendable, Equatable, Codable {
        package let sku: SKU
        package let quantity: Int
        package let name: String?
        package let price: Money?
    }

    /// What Inventory knows about an article.
    package struct Article: Sendable, Equatable {
        package let name: String
        package let price: Money

        package init(name: String, price: Money) {
            self.name = name
            self.price = price
        }
    }

    package init(_ cart: Cart, articles: [SKU: Article]) {
        id = cart.id
        customer = cart.customer
        version = cart.version
        lines = cart.lines.map { line in
            Line(
                sku: line.sku, quantity: line.quantity, name: articles[line.sku]?.name,
                price: articles[line.sku]?.price)
        }
        total = Self.sum(lines)
    }

    private enum CodingKeys: String, CodingKey {
        case id
        case customer = "customer_id"
        case version, lines, total
    }

    /// True when every line has its name and price: only then is the view worth keeping.
    package var isComplete: Bool { lines.allSatisfy { $0.price != nil } }

    private static func sum(_ lines: [Line]) -> Money? {
        var total: Money?
        for line in lines {
            guard let amount = line.price?.multiplied(by: line.quantity) else { return nil }
            guard let before = total else {
                total = amount
                continue
            }
            guard let sum = before.adding(amount) else { return nil }
            total = sum
        }
        return total
    }
}
