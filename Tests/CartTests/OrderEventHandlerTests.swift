import Basics
import Contracts
import HTTP
import Messaging
import Postgres
import Support
import Testing

@testable import CartService

@Suite(.timeLimit(.minutes(2))) struct OrderEventHandlerTests {
    private static func confirmed(
        _ order: OrderID, _ cart: String, _ customer: CustomerID, version: Int64,
        _ lines: [(String, Int)]
    ) throws -> OrderEvents.OrderConfirmed {
        OrderEvents.OrderConfirmed(
            orderID: order, customerID: customer, cartID: try #require(CartID(cart)),
            cartVersion: version,
            lines: try lines.map { Line(sku: try #require(SKU($0.0)), quantity: $0.1) },
            total: Money(minor: 1, currency: .eur))
    }

    private static func cancelled(
        _ order: OrderID, _ cart: String, _ customer: CustomerID, version: Int64
    ) throws -> OrderEvents.OrderCancelled {
        OrderEvents.OrderCancelled(
            orderID: order, customerID: customer, cartID: try #require(CartID(cart)),
            cartVersion: version, reason: "no_stock")
    }

    @Test func `OrderConfirmed takes out what was ordered and leaves what came since`() async throws
    {
        try await CartHarness.run { shop in
            let (customer, order) = (CustomerID.make(), OrderID.make())
            let cart = try await shop.open(customer)
            try await shop.put("LAMP-1", "2", into: cart, as: customer)
            // Ordered at version 2; one more lamp and a stool come before the confirmation.
            try await shop.put("LAMP-1", "3", into: cart, as: customer)
            try await shop.put("STOOL-2", "1", into: cart, as: customer)
            try await shop.deliver(
                Self.confirmed(order, cart, customer, version: 2, [("LAMP-1", 2)]), order: order)
            #expect(
                try await shop.contents(cart, as: customer)
                    == .init(version: 5, lines: ["LAMP-1": 1, "STOOL-2": 1]))
        }
    }

    @Test func `OrderConfirmed twice changes the cart once, also under another message id`()
        async throws
    {
        try await CartHarness.run { shop in
            let (customer, order, id) = (CustomerID.make(), OrderID.make(), UniqueID.v7())
            let cart = try await shop.open(customer)
            try await shop.put("LAMP-1", "5", into: cart, as: customer)
            let event = try Self.confirmed(order, cart, customer, version: 2, [("LAMP-1", 2)])
            try await shop.deliver(event, order: order, id: id)
            try await shop.deliver(event, order: order, id: id)
            try await shop.deliver(event, order: order)
            #expect(
                try await shop.contents(cart, as: customer)
                    == .init(version: 3, lines: ["LAMP-1": 3]))
        }
    }

    @Test func `a confirmed order empties the cart that it was made from`() async throws {
        try await CartHarness.run { shop in
            let (customer, order) = (CustomerID.make(), OrderID.make())
            let cart = try await shop.open(customer)
            try await shop.put("LAMP-1", "5", into: cart, as: customer)
            let target = "/v1/carts/\(cart)"
            _ = try await shop.ask(.get, target, as: customer)
            try await shop.deliver(
                Self.confirmed(order, cart, customer, version: 2, [("LAMP-1", 5)]), order: order)
            #expect(
                try await shop.contents(cart, as: customer) == .init(version: 3, lines: [:]))
            // The cached copy is erased after the commit.
            try await eventually("the erased copy") {
                try await shop.ask(.get, target, as: customer).json["version"]?.integer == 3
            }
        }
    }

    @Test func `OrderCancelled moves the version only of the cart that was ordered`() async throws {
        try await CartHarness.run { shop in
            let customer = CustomerID.make()
            let cart = try await shop.open(customer)
            try await shop.put("LAMP-1", "5", into: cart, as: customer)
            let (first, second) = (OrderID.make(), OrderID.make())
            let event = try Self.cancelled(first, cart, customer, version: 2)
            try await shop.deliver(event, order: first)
            try await shop.deliver(event, order: first)
            #expect(
                try await shop.contents(cart, as: customer)
                    == .init(version: 3, lines: ["LAMP-1": 5]))
            try await shop.deliver(
                Self.cancelled(second, cart, customer, version: 2), order: second)
            #expect(try await shop.contents(cart, as: customer).version == 3)
        }
    }

    @Test func `an unknown cart is recorded, an unknown event skipped, a contradiction is poison`()
        async throws
    {
        try await CartHarness.run { shop in
            let (customer, order) = (CustomerID.make(), OrderID.make())
            let lost = UniqueID.v7().description
            try await shop.deliver(
                Self.confirmed(order, lost, customer, version: 2, [("LAMP-1", 5)]), order: order)
            let settled = try await shop.pool.query(
                Statement("SELECT outcome, version_after FROM cart_settlements"))
            #expect(try settled.first?.text("outcome") == "CONFIRMED")
            #expect(try settled.first?.optionalInteger("version_after") == nil)
            try await shop.deliver(InventoryReplies.Reserved(), order: .make())
            await #expect(throws: Poison.self) {
                try await shop.deliver(
                    Self.cancelled(order, lost, customer, version: 2), order: .make())
            }
        }
    }

    @Test func `the database refuses a version that skips, goes back or keeps history out`()
        async throws
    {
        try await CartHarness.run { shop in
            let customer = CustomerID.make()
            _ = try await shop.open(customer)
            for sql in [
                "UPDATE carts SET version = version + 2", "UPDATE carts SET version = version",
                "UPDATE carts SET version = version + 1, customer_id = gen_random_uuid()",
                "DELETE FROM carts", "DELETE FROM cart_settlements",
                "INSERT INTO cart_lines SELECT cart_id, 'A', 100 FROM carts",
                "INSERT INTO cart_lines SELECT cart_id, 'a', 1 FROM carts",
            ] {
                await #expect(throws: PostgresError.self, "\(sql)") {
                    try await shop.pool.execute(Statement(sql))
                }
            }
        }
    }
}
