package import Basics

/// A customer's cart as one value; every rule about its contents is here.
///
/// A change returns what must be written; an empty list means that nothing changed, and then the
/// version stays too. Otherwise the version grows by exactly 1 (the database checks that as well).
package struct Cart: Sendable, Equatable {
    /// Pieces of one article in a cart. The upper bound is a CHECK of `cart_lines` too.
    package static let quantityRange = 1...99

    package let id: CartID
    package let customer: CustomerID
    package private(set) var version: Int64
    /// In SKU order, each SKU once.
    package private(set) var lines: [CartLine]

    package init(id: CartID, customer: CustomerID, version: Int64, lines: [CartLine]) {
        self.id = id
        self.customer = customer
        self.version = version
        self.lines = lines.sorted { $0.sku < $1.sku }
    }

    package func quantity(of sku: SKU) -> Int? { lines.first { $0.sku == sku }?.quantity }

    /// Sets how many pieces of an article the cart holds.
    package mutating func put(
        _ sku: SKU, quantity: Int, linesMax: Int
    ) throws(CartError) -> [LineChange] {
        guard Self.quantityRange.contains(quantity) else {
            throw CartError(.quantityOutOfRange, "The quantity must be between 1 and 99.")
        }
        if let index = lines.firstIndex(where: { $0.sku == sku }) {
            guard lines[index].quantity != quantity else { return [] }
            lines[index] = CartLine(sku: sku, quantity: quantity)
        } else {
            guard lines.count < linesMax else {
                throw CartError(.tooManyLines, "A cart holds at most \(linesMax) articles.")
            }
            lines.append(CartLine(sku: sku, quantity: quantity))
            lines.sort { $0.sku < $1.sku }
        }
        version += 1
        return [.set(sku, quantity)]
    }

    /// Takes an article out; one that is not there is no error, because the wish is fulfilled.
    package mutating func remove(_ sku: SKU) -> [LineChange] {
        guard let index = lines.firstIndex(where: { $0.sku == sku }) else { return [] }
        lines.remove(at: index)
        version += 1
        return [.remove(sku)]
    }

    /// An order was confirmed: takes out what was ordered and nothing that came since. The version
    /// grows even when the customer has emptied the cart already, so that no state of the cart from
    /// before the confirmation can be ordered again.
    package mutating func settleConfirmed(_ ordered: [CartLine]) -> [LineChange] {
        var changes: [LineChange] = []
        for line in ordered {
            guard let index = lines.firstIndex(where: { $0.sku == line.sku }) else { continue }
            let rest = lines[index].quantity - line.quantity
            if rest > 0 {
                lines[index] = CartLine(sku: line.sku, quantity: rest)
                changes.append(.set(line.sku, rest))
            } else {
                lines.remove(at: index)
                changes.append(.remove(line.sku))
            }
        }
        version += 1
        return changes
    }

    /// An order was cancelled: the same contents may be ordered again, which needs a version that no
    /// order has named yet. A cart that was changed since has one already.
    ///
    /// Returns whether the version grew.
    package mutating func settleCancelled(orderedVersion: Int64) -> Bool {
        guard version == orderedVersion else { return false }
        version += 1
        return true
    }
}

package struct CartLine: Sendable, Equatable {
    package let sku: SKU
    package let quantity: Int

    package init(sku: SKU, quantity: Int) {
        self.sku = sku
        self.quantity = quantity
    }
}

/// One row of `cart_lines` to write.
package enum LineChange: Sendable, Equatable {
    case set(SKU, Int)
    case remove(SKU)
}

/// A change that the rules of a cart refuse.
package struct CartError: Error, Sendable, Equatable {
    package enum Code: String, Sendable {
        case quantityOutOfRange = "quantity_out_of_range"
        case tooManyLines = "too_many_lines"
        case unknownSKU = "unknown_sku"
        case cartNotFound = "cart_not_found"
    }
    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
