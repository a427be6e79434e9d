package import Basics

/// Inventory's answers, on `order.replies.v1`.
package enum InventoryReplies {
    package struct Reserved: Payload {
        package static let type = "Reserved"
        package init() {}
    }

    package struct ReserveRejected: Payload {
        package static let type = "ReserveRejected"
        /// Why nothing was held. `closed`: a Release came first (its tombstone fences this one).
        package enum Reason: String, Codable, Sendable {
            case noStock = "no_stock"
            case unknownSKU = "unknown_sku"
            case closed
        }
        package let reason: Reason
        package let sku: SKU?
        package let available: Int64?

        package init(reason: Reason, sku: SKU? = nil, available: Int64? = nil) {
            self.reason = reason
            self.sku = sku
            self.available = available
        }
    }

    package struct StockCommitted: Payload {
        package static let type = "StockCommitted"
        package init() {}
    }

    package struct CommitRejected: Payload {
        package static let type = "CommitRejected"
        /// `expired`, `released`, `rejected` or `unknown`: what the reservation was instead of held.
        package let reason: String
        package init(reason: String) { self.reason = reason }
    }

    package struct Released: Payload {
        package static let type = "Released"
        package enum Outcome: String, Codable, Sendable {
            case released, nothing, restocked
        }
        package let outcome: Outcome
        package init(outcome: Outcome) { self.outcome = outcome }
    }

    /// A hint that a hold ran out; it carries no step.
    package struct ReservationExpired: Payload {
        package static let type = "ReservationExpired"
        package init() {}
    }
}

/// Payment's answers, on `order.replies.v1`.
package enum PaymentReplies {
    package struct Authorized: Payload {
        package static let type = "Authorized"
        package let providerRef: String
        package init(providerRef: String) { self.providerRef = providerRef }
        enum CodingKeys: String, CodingKey { case providerRef = "provider_ref" }
    }

    package struct AuthDeclined: Payload {
        package static let type = "AuthDeclined"
        package let reason: String
        package init(reason: String) { self.reason = reason }
    }

    /// The provider wants more time (3-D Secure); the saga waits once more.
    package struct AuthPending: Payload {
        package static let type = "AuthPending"
        package init() {}
    }

    package struct Captured: Payload {
        package static let type = "Captured"
        package let providerRef: String
        package init(providerRef: String) { self.providerRef = providerRef }
        enum CodingKeys: String, CodingKey { case providerRef = "provider_ref" }
    }

    /// Definitive: the money will not move, and no new attempt will be made.
    package struct CaptureFailed: Payload {
        package static let type = "CaptureFailed"
        package let reason: String
        package init(reason: String) { self.reason = reason }
    }

    package struct Voided: Payload {
        package static let type = "Voided"
        package enum Outcome: String, Codable, Sendable {
            case voided, nothing
            case alreadyCaptured = "already_captured"
        }
        package let outcome: Outcome
        package init(outcome: Outcome) { self.outcome = outcome }
    }
}
