package import Basics

/// A payload with its name and version on the wire. Additive changes only (D16).
package protocol Payload: Codable, Sendable, Equatable {
    static var type: String { get }
    static var version: Int { get }
}

extension Payload {
    package static var version: Int { 1 }
}

/// A payload of a command, with the step that it carries out.
package protocol CommandPayload: Payload {
    static var step: Step { get }
}

/// One article of an order.
package struct Line: Sendable, Codable, Equatable, Hashable {
    package let sku: SKU
    package let quantity: Int

    package init(sku: SKU, quantity: Int) {
        self.sku = sku
        self.quantity = quantity
    }
}

/// Commands to Inventory, on `inventory.commands.v1`.
package enum InventoryCommands {
    /// Hold stock for an order, for a limited time.
    package struct Reserve: CommandPayload {
        package static let type = "Reserve"
        package static let step = Step.reserve
        package let lines: [Line]
        /// SHA-256 (hex) of the lines in SKU order: a second Reserve with other lines is a fault.
        package let linesHash: String
        /// How long the hold lives, by Inventory's clock (D10: durations, never deadlines).
        package let ttlSeconds: Int64

        package init(lines: [Line], linesHash: String, ttlSeconds: Int64) {
            self.lines = lines
            self.linesHash = linesHash
            self.ttlSeconds = ttlSeconds
        }

        enum CodingKeys: String, CodingKey {
            case lines
            case linesHash = "lines_hash"
            case ttlSeconds = "ttl_seconds"
        }
    }

    /// Turn the hold into a sale.
    package struct CommitStock: CommandPayload {
        package static let type = "CommitStock"
        package static let step = Step.commitStock
        package init() {}
    }

    /// Undo: free the hold, restock what was committed, or leave a tombstone (D3).
    package struct Release: CommandPayload {
        package static let type = "Release"
        package static let step = Step.release
        package init() {}
    }
}

/// Commands to Payment, on `payment.commands.v1`.
package enum PaymentCommands {
    /// Ask the provider to hold the order's total on the customer's card.
    package struct Authorize: CommandPayload {
        package static let type = "Authorize"
        package static let step = Step.authorize
        package let amountMinor: Int64
        package let currency: Currency
        package let cardToken: String
        /// Lets Payment hide the payment from other customers.
        package let customerID: CustomerID

        package init(total: Money, cardToken: String, customerID: CustomerID) {
            amountMinor = total.minor
            currency = total.currency
            self.cardToken = cardToken
            self.customerID = customerID
        }

        package var total: Money { Money(minor: amountMinor, currency: currency) }

        enum CodingKeys: String, CodingKey {
            case amountMinor = "amount_minor"
            case currency
            case cardToken = "card_token"
            case customerID = "customer_id"
        }
    }

    /// Take the held money: the pivot of the saga (D2).
    package struct Capture: CommandPayload {
        package static let type = "Capture"
        package static let step = Step.capture
        package init() {}
    }

    /// Undo: give the hold back, or leave a tombstone (D3).
    package struct Void: CommandPayload {
        package static let type = "Void"
        package static let step = Step.void
        package init() {}
    }
}
