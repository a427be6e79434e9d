/// A typed id: a cart id passed where an order id is meant does not compile.
package struct Identifier<Entity>: Hashable, Comparable, Codable, CustomStringConvertible, Sendable
{
    package let value: UniqueID

    package init(_ value: UniqueID) { self.value = value }

    /// Parses UUID text; nil when it is not one.
    package init?(_ text: some StringProtocol) {
        guard let value = UniqueID(text) else { return nil }
        self.value = value
    }

    /// A new version 7 id.
    package static func make(using random: RandomSource = .system) -> Self {
        Self(.v7(using: random))
    }

    package init(from decoder: any Decoder) throws { value = try UniqueID(from: decoder) }
    package func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }

    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
    package var description: String { value.description }
}

package enum OrderEntity {}
package enum CartEntity {}
package enum CustomerEntity {}

/// The order; also the Kafka key of every message about it (D7).
package typealias OrderID = Identifier<OrderEntity>
/// A customer's cart.
package typealias CartID = Identifier<CartEntity>
/// A customer, as told by the gateway.
package typealias CustomerID = Identifier<CustomerEntity>
