package import Basics
import Contracts
import Foundation
package import Postgres

/// All SQL of orders, lines, timeline and idempotency keys; the saga's is in `SagaStore`.
package enum OrderStore {
    /// Orders one customer's list shows at most.
    package static let listMax = 50

    package static func insert(_ order: Order, clientRequestID: String, linesHash: String)
        -> [Statement]
    {
        let head = Statement(
            """
            INSERT INTO orders (order_id, customer_id, client_request_id, cart_id, cart_version, total_minor, currency, lines_hash, card_token)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            """,
            [
                .id(order.id.value), .id(order.customerID.value), .text(clientRequestID),
                .id(order.cartID.value), .integer(order.cartVersion), .integer(order.total.minor),
                .text(order.total.currency.code), .text(linesHash), .text(order.cardToken),
            ])
        let lines = Statement(
            """
            INSERT INTO order_lines (order_id, sku, qty, unit_minor, name)
            SELECT $1, sku, qty, unit_minor, name
            FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::text[]) AS line (sku, qty, unit_minor, name)
            """,
            [
                .id(order.id.value), .texts(order.lines.map(\.sku.text)),
                .integers(order.lines.map { Int64($0.quantity) }),
                .integers(order.lines.map(\.unitPrice.minor)), .texts(order.lines.map(\.name)),
            ])
        return [head, lines]
    }

    /// Adds to the timeline; the caller holds the saga's row lock, so the next seq is free.
    package static func record(_ entries: [CheckoutPlan.Entry], of orderID: OrderID)
        -> [Statement]
    {
        entries.map { entry in
            Statement(
                """
                INSERT INTO order_events (order_id, seq, type, payload)
                SELECT $1, coalesce(max(seq), 0) + 1, $2, $3::jsonb FROM order_events WHERE order_id = $1
                """,
                [.id(orderID.value), .text(entry.type), .json(json(entry.detail))])
        }
    }

    private static func json(_ detail: [String: String]) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        guard let data = try? encoder.encode(detail) else {
            // Ignored: a dictionary of strings always encodes.
            return "{}"
        }
        return String(decoding: data, as: UTF8.self)
    }

    // MARK: Reading

    package static func headAndLines(_ orderID: OrderID) -> [Statement] {
        [
            Statement(
                """
                SELECT order_id, customer_id, cart_id, cart_version, total_minor, currency, card_token, created_at
                FROM orders WHERE order_id = $1
                """, [.id(orderID.value)]),
            Statement(
                "SELECT sku, qty, unit_minor, name FROM order_lines WHERE order_id = $1 ORDER BY sku",
                [.id(orderID.value)]),
        ]
    }

    /// Rebuilds the order from the two results of `headAndLines`; nil when there is none.
    package static func order(from results: [QueryResult]) throws -> (Order, WallTime)? {
        guard let head = results[0].rows.first else { return nil }
        guard let currency = Currency(try head.text("currency")) else { return nil }
        let lines = try results[1].rows.map { row in
            OrderLine(
                sku: try sku(row), quantity: Int(try row.integer("qty")),
                unitPrice: Money(minor: try row.integer("unit_minor"), currency: currency),
                name: try row.text("name"))
        }
        let order = Order(
            id: OrderID(try head.id("order_id")),
            customerID: CustomerID(try head.id("customer_id")),
            cartID: CartID(try head.id("cart_id")), cartVersion: try head.integer("cart_version"),
            lines: lines,
            total: Money(minor: try head.integer("total_minor"), currency: currency),
            cardToken: try head.text("card_token"))
        return (order, try head.time("created_at"))
    }

    private static func sku(_ row: Row) throws -> SKU {
        let text = try row.text("sku")
        guard let sku = SKU(text) else {
            throw PostgresError(.decoding, "column sku holds '\(text)', which is no SKU")
        }
        return sku
    }

    package static func timeline(_ orderID: OrderID, after seq: Int64) -> Statement {
        Statement(
            """
            SELECT seq, type, payload, at FROM order_events
            WHERE order_id = $1 AND seq > $2 ORDER BY seq
            """, [.id(orderID.value), .integer(seq)])
    }

    /// The state, and the entries after a seq, in one snapshot: at least one row for an order that
    /// exists, without a seq when there are no such entries.
    package static func stateAndTimeline(_ orderID: OrderID, after seq: Int64) -> Statement {
        Statement(
            """
            SELECT state, seq, type, payload, at
            FROM saga_instances AS saga LEFT JOIN order_events AS event
                ON event.order_id = saga.order_id AND event.seq > $2
            WHERE saga.order_id = $1 AND saga.saga_type = 'checkout' ORDER BY seq
            """, [.id(orderID.value), .integer(seq)])
    }

    /// The newest entry's seq of each of these orders; the caller bounds their number.
    package static func newestEntries(of orderIDs: [OrderID]) -> Statement {
        Statement(
            """
            SELECT order_id, max(seq) AS newest FROM order_events
            WHERE order_id = ANY($1::uuid[]) GROUP BY order_id
            """, [.ids(orderIDs.map(\.value))])
    }

    package static func state(_ orderID: OrderID) -> Statement {
        Statement(
            """
            SELECT state, reason, parked_reason, traceparent FROM saga_instances
            WHERE order_id = $1 AND saga_type = 'checkout'
            """, [.id(orderID.value)])
    }

    /// Who owns an order, and its newest timeline entry; nothing when it does not exist.
    package static func owner(_ orderID: OrderID) -> Statement {
        Statement(
            """
            SELECT customer_id,
                (SELECT coalesce(max(seq), 0) FROM order_events WHERE order_id = $1) AS newest
            FROM orders WHERE order_id = $1
            """, [.id(orderID.value)])
    }

    package static func list(_ customerID: CustomerID) -> Statement {
        Statement(
            """
            SELECT order_id, total_minor, currency, created_at, state, reason
            FROM orders JOIN saga_instances USING (order_id)
            WHERE customer_id = $1 AND saga_type = 'checkout' ORDER BY created_at DESC LIMIT $2
            """, [.id(customerID.value), .integer(Int64(listMax))])
    }

    /// The order that used a cart's version up.
    package static func ordered(_ cartID: CartID, version: Int64) -> Statement {
        Statement(
            """
            SELECT order_id, state, reason FROM orders JOIN saga_instances USING (order_id)
            WHERE cart_id = $1 AND cart_version = $2 AND saga_type = 'checkout'
            """, [.id(cartID.value), .integer(version)])
    }
}
