import Basics
import Foundation
import HTTP
import Postgres
import Telemetry

/// Reads orders for the customer who placed them.
struct OrderView: Sendable {
    let pool: Pool

    /// The status that is shown, derived from the saga's state (D20).
    static func status(_ row: Row) throws -> (status: String, reason: String?) {
        let state = try row.text("state")
        guard let known = CheckoutState(rawValue: state) else {
            throw PostgresError(.decoding, "column state holds '\(state)', which is no state")
        }
        return (known.status, known == .confirmed ? nil : try row.optionalText("reason"))
    }

    /// Another customer's order looks like one that does not exist.
    static var notFound: Problem {
        .notFound("order_not_found", "This customer has no such order.")
    }

    static func orderID(of request: Request) throws(Problem) -> OrderID {
        guard let id = OrderID(try request.parameter("id")) else { throw notFound }
        return id
    }

    func get(_ request: Request) async throws -> Response {
        let customer = try Caller.customer(of: request)
        let id = try Self.orderID(of: request)
        let results = try await pool.batch(
            OrderStore.headAndLines(id) + [OrderStore.state(id), OrderStore.timeline(id, after: 0)],
            as: "read order")
        guard let (order, createdAt) = try OrderStore.order(from: results),
            order.customerID == customer, let state = results[2].rows.first
        else { throw Self.notFound }
        let (status, reason) = try Self.status(state)
        let placed = OrderJSON.Placed(order)
        return try .json(
            200,
            OrderJSON.Full(
                id: id, status: status, reason: reason, total: order.total, lines: placed.lines,
                createdAt: createdAt, timeline: try results[3].rows.map(Self.entry),
                links: placed.links,
                traceID: TraceContext(traceparent: try state.optionalText("traceparent"))?
                    .traceIDText))
    }

    func list(_ request: Request) async throws -> Response {
        let customer = try Caller.customer(of: request)
        let rows = try await pool.query(OrderStore.list(customer), as: "list orders")
        return try .json(
            200,
            OrderJSON.List(
                orders: try rows.map { row in
                    let (status, reason) = try Self.status(row)
                    guard let currency = Currency(try row.text("currency")) else {
                        throw PostgresError(.decoding, "column currency holds no currency")
                    }
                    return OrderJSON.Summary(
                        id: OrderID(try row.id("order_id")), status: status, reason: reason,
                        total: Money(minor: try row.integer("total_minor"), currency: currency),
                        createdAt: try row.time("created_at"))
                }))
    }

    static func entry(_ row: Row) throws -> OrderJSON.Entry {
        let payload = Data(try row.text("payload").utf8)
        return OrderJSON.Entry(
            seq: try row.integer("seq"), type: try row.text("type"), at: try row.time("at"),
            detail: try JSONDecoder().decode([String: String].self, from: payload))
    }

    /// The seq of the order's newest entry; nil when the customer has no such order.
    func newestEntry(of id: OrderID, for customer: CustomerID) async throws -> Int64? {
        guard let row = try await pool.query(OrderStore.owner(id), as: "find order").first,
            CustomerID(try row.id("customer_id")) == customer
        else { return nil }
        return try row.integer("newest")
    }

    /// The timeline's entries after a seq, and whether none can follow them.
    ///
    /// Both are of one snapshot: what made the state terminal was committed with the last entry, so a
    /// stream that has sent that entry also knows that it was the last one.
    func entries(of id: OrderID, after seq: Int64) async throws
        -> (entries: [OrderJSON.Entry], areLast: Bool)
    {
        let rows = try await pool.query(
            OrderStore.stateAndTimeline(id, after: seq), as: "read timeline")
        let state = try rows.first?.text("state")
        return (
            try rows.filter { try $0.optionalInteger("seq") != nil }.map(Self.entry),
            state.flatMap(CheckoutState.init(rawValue:))?.isTerminal ?? false
        )
    }
}
