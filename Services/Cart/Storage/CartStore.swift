package import Basics
package import Postgres

/// Carts in PostgreSQL. Every change locks the cart's row first, so two changes of one cart happen
/// one after the other, each with a version of its own.
package struct CartStore: Sendable {
    private let pool: Pool

    package init(pool: Pool) { self.pool = pool }

    /// The customer's cart; made, with version 1 and empty, at the first call.
    package func open(
        for customer: CustomerID, newID: CartID
    ) async throws -> (cart: Cart, isNew: Bool) {
        let results = try await pool.batch(
            [
                Statement(
                    """
                    INSERT INTO carts (cart_id, customer_id, version) VALUES ($1, $2, 1)
                    ON CONFLICT (customer_id) DO NOTHING
                    """, [.id(newID.value), .id(customer.value)]),
                CartSQL.find(customer: customer),
            ], as: "open cart")
        guard let cart = try Cart(results[1].rows) else {
            throw CorruptRow(table: "carts", detail: "the cart just made is missing")
        }
        return (cart, results[0].affected == 1)
    }

    /// Nil when there is no such cart.
    package func find(_ id: CartID) async throws -> Cart? {
        try Cart(try await pool.query(CartSQL.find(id), as: "read cart"))
    }

    /// Changes a cart by the rules of `body`, which returns what to write.
    ///
    /// - Throws: `CartError` `cart_not_found` when the customer has no such cart, and what `body`
    ///   throws; nothing is written then.
    package func change(
        _ id: CartID, of customer: CustomerID,
        _ body: @Sendable (inout Cart) throws -> [LineChange]
    ) async throws -> Cart {
        try await pool.transaction(.init("change cart")) { transaction in
            let locked = try await Self.lock(id, in: transaction).cart
            guard var cart = locked, cart.customer == customer else {
                throw CartError(.cartNotFound, "This customer has no such cart.")
            }
            let before = cart.version
            let changes = try body(&cart)
            if cart.version != before {
                _ = try await transaction.pipeline(CartSQL.write(cart, changes))
            }
            return cart
        }
    }

    /// The cart under its row lock, and whether an order has changed it already.
    private static func lock(
        _ id: CartID, order: OrderID? = nil, in transaction: Transaction
    ) async throws -> (cart: Cart?, isSettled: Bool) {
        var statements = [CartSQL.lock(id), CartSQL.find(id)]
        if let order { statements.append(CartSQL.settlement(of: order)) }
        // The contents are read by a statement that begins after the lock is held.
        let results = try await transaction.pipeline(statements)
        return (try Cart(results[1].rows), order != nil && !results[2].rows.isEmpty)
    }
}

extension CartStore {
    /// How an order ended, as far as its cart is concerned.
    package enum Settlement: Sendable {
        case confirmed([CartLine])
        case cancelled
    }

    /// Changes the cart of an order that has ended, once for each order, in the transaction of the
    /// message that said so. Returns whether the cart has changed.
    package static func settle(
        _ order: OrderID, _ settlement: Settlement, cart id: CartID, orderedVersion: Int64,
        cause: UniqueID, in transaction: Transaction
    ) async throws -> Bool {
        let (locked, isSettled) = try await lock(id, order: order, in: transaction)
        guard !isSettled else { return false }
        var statements: [Statement] = []
        var versionAfter: Int64?
        if var cart = locked {
            switch settlement {
            case .confirmed(let lines):
                let changes = cart.settleConfirmed(lines)
                statements = CartSQL.write(cart, changes)
            case .cancelled:
                if cart.settleCancelled(orderedVersion: orderedVersion) {
                    statements = CartSQL.write(cart, [])
                }
            }
            versionAfter = cart.version
        }
        let hasChanged = !statements.isEmpty
        statements.append(
            CartSQL.insertSettlement(
                order, settlement, cart: id, orderedVersion: orderedVersion,
                versionAfter: versionAfter, cause: cause))
        _ = try await transaction.pipeline(statements)
        return hasChanged
    }
}
