import Basics
import Postgres

/// The statements of a cart.
enum CartSQL {
    private static let columns = """
        SELECT c.cart_id, c.customer_id, c.version, l.sku, l.qty
        FROM carts AS c LEFT JOIN cart_lines AS l ON l.cart_id = c.cart_id
        """

    static func find(_ id: CartID) -> Statement {
        Statement("\(columns) WHERE c.cart_id = $1 ORDER BY l.sku", [.id(id.value)])
    }

    static func find(customer: CustomerID) -> Statement {
        Statement("\(columns) WHERE c.customer_id = $1 ORDER BY l.sku", [.id(customer.value)])
    }

    static func lock(_ id: CartID) -> Statement {
        Statement("SELECT cart_id FROM carts WHERE cart_id = $1 FOR UPDATE", [.id(id.value)])
    }

    /// The new version and the lines that led to it. The row is locked, so the version is the one
    /// that was read plus 1; a trigger would refuse anything else.
    static func write(_ cart: Cart, _ changes: [LineChange]) -> [Statement] {
        var statements = [
            Statement(
                """
                UPDATE carts SET version = $2, updated_at = clock_timestamp() WHERE cart_id = $1
                """, [.id(cart.id.value), .integer(cart.version)])
        ]
        for change in changes {
            switch change {
            case .set(let sku, let quantity):
                statements.append(
                    Statement(
                        """
                        INSERT INTO cart_lines (cart_id, sku, qty) VALUES ($1, $2, $3)
                        ON CONFLICT (cart_id, sku) DO UPDATE SET qty = excluded.qty
                        """,
                        [.id(cart.id.value), .text(sku.text), .integer(Int64(quantity))]))
            case .remove(let sku):
                statements.append(
                    Statement(
                        "DELETE FROM cart_lines WHERE cart_id = $1 AND sku = $2",
                        [.id(cart.id.value), .text(sku.text)]))
            }
        }
        return statements
    }

    static func settlement(of order: OrderID) -> Statement {
        Statement(
            "SELECT order_id FROM cart_settlements WHERE order_id = $1", [.id(order.value)])
    }

    static func insertSettlement(
        _ order: OrderID, _ settlement: CartStore.Settlement, cart: CartID, orderedVersion: Int64,
        versionAfter: Int64?, cause: UniqueID
    ) -> Statement {
        let outcome =
            switch settlement {
            case .confirmed: "CONFIRMED"
            case .cancelled: "CANCELLED"
            }
        return Statement(
            """
            INSERT INTO cart_settlements
                (order_id, cart_id, outcome, ordered_version, version_after, cause_message_id)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            [
                .id(order.value), .id(cart.value), .text(outcome), .integer(orderedVersion),
                versionAfter.map { .integer($0) } ?? .null, .id(cause),
            ])
    }
}

/// A row that the constraints should have made impossible.
struct CorruptRow: Error, CustomStringConvertible {
    let table: String
    let detail: String
    var description: String { "a row of \(table) contradicts itself: \(detail)" }
}

extension Cart {
    /// The rows of one cart: one for each line, or a single one without a SKU. Nil without rows.
    init?(_ rows: [Row]) throws {
        guard let first = rows.first else { return nil }
        var lines: [CartLine] = []
        for row in rows {
            guard let text = try row.optionalText("sku") else { continue }
            guard let sku = SKU(text) else {
                throw CorruptRow(table: "cart_lines", detail: "sku is no SKU")
            }
            lines.append(CartLine(sku: sku, quantity: Int(try row.integer("qty"))))
        }
        self.init(
            id: CartID(try first.id("cart_id")), customer: CustomerID(try first.id("customer_id")),
            version: try first.integer("version"), lines: lines)
    }
}
