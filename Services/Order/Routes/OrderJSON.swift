import Basics
import HTTP

/// The public shapes of an order.
enum OrderJSON {
    struct LineView: Codable, Sendable {
        let sku: SKU
        let name: String
        let quantity: Int
        let price: Money
    }

    struct Links: Codable, Sendable {
        let order: String
        let events: String

        init(_ id: OrderID) {
            order = "/v1/orders/\(id)"
            events = "/v1/orders/\(id)/events"
        }

        enum CodingKeys: String, CodingKey {
            case order = "self"
            case events
        }
    }

    /// The answer to `POST /v1/orders`; stored, and repeated byte for byte (D14).
    struct Placed: Codable, Sendable {
        let id: OrderID
        let status: String
        let total: Money
        let lines: [LineView]
        let links: Links

        init(_ order: Order) {
            id = order.id
            status = CheckoutState.reserving.status
            total = order.total
            lines = order.lines.map {
                LineView(sku: $0.sku, name: $0.name, quantity: $0.quantity, price: $0.unitPrice)
            }
            links = Links(order.id)
        }
    }

    /// One line of the timeline, also the data of a server-sent event.
    struct Entry: Codable, Sendable {
        let seq: Int64
        let type: String
        let at: WallTime
        let detail: [String: String]
    }

    struct Full: Codable, Sendable {
        let id: OrderID
        let status: String
        let reason: String?
        let total: Money
        let lines: [LineView]
        let createdAt: WallTime
        let timeline: [Entry]
        let links: Links
        /// The checkout's trace, 32 hex digits; nil when the order came without one.
        let traceID: String?

        enum CodingKeys: String, CodingKey {
            case id, status, reason, total, lines, timeline, links
            case createdAt = "created_at"
            case traceID = "trace_id"
        }
    }

    struct Summary: Codable, Sendable {
        let id: OrderID
        let status: String
        let reason: String?
        let total: Money
        let createdAt: WallTime

        enum CodingKeys: String, CodingKey {
            case id, status, reason, total
            case createdAt = "created_at"
        }
    }

    struct List: Codable, Sendable {
        let orders: [Summary]
    }
}
