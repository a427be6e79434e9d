import Basics
import Foundation
import Mercatoctl
import NativeServers
import Postgres
import Support

/// What tests ask the stack beyond the public API, through the admin port as an operator would.
extension WholeStack {
    /// The largest audit read, in bytes: the stack's whole life in these tests.
    private static let auditBytesMax = 256 << 20

    private func admin(_ method: String, _ path: String, body: String? = nil) async throws
        -> ShopClient.Answer
    {
        let url = adminURL
        return try await TestLoop.run { loop in
            try await ShopClient(url, loop: loop).call(
                method, path, body: body, answerBytesMax: Self.auditBytesMax)
        }
    }

    /// A delivery of stock.
    func receive(_ sku: String, _ quantity: Int) async throws {
        let answer = try await admin(
            "POST", "/admin/inventory/receipts",
            body: #"{"receipt_id":"\#(UniqueID.v7())","sku":"\#(sku)","quantity":\#(quantity)}"#)
        guard answer.status / 100 == 2 else {
            throw StackFailure("receipt: \(answer.status) \(answer.text)")
        }
    }

    /// Arms a failpoint of the payment service.
    func arm(_ failpoint: String, _ action: String) async throws {
        let answer = try await admin(
            "PUT", "/admin/payment/failpoints", body: #"{"\#(failpoint)":"\#(action)"}"#)
        guard answer.status / 100 == 2 else {
            throw StackFailure("failpoint: \(answer.status) \(answer.text)")
        }
    }

    /// The rows of one table of an audit.
    func audit(_ service: String, _ table: String) async throws -> [[String: any Sendable]] {
        let answer = try await admin("GET", "/admin/\(service)/audit")
        guard answer.status == 200 else {
            throw StackFailure("audit: \(answer.status) \(answer.text)")
        }
        return answer.text.split(separator: "\n").compactMap { line in
            let value = try? JSONSerialization.jsonObject(with: Data(line.utf8))  // Ignored: not a row then.
            guard let object = value as? [String: any Sendable], object["t"] as? String == table
            else { return nil }
            return object["r"] as? [String: any Sendable]
        }
    }

    /// Successful captures in the provider's own journal, the ground truth.
    func journalCaptures() async throws -> (count: Int, sum: Int) {
        let captures = try await audit("payment-provider", "journal").filter {
            $0["kind"] as? String == "capture" && $0["outcome"] as? String == "captured"
        }
        return (captures.count, captures.reduce(0) { $0 + ($1["amount_minor"] as? Int ?? 0) })
    }

    /// Orders ever placed, straight from Order's database.
    func orderCount() async throws -> Int64 {
        try await withOrderDatabase { pool in
            try await pool.query(Statement("SELECT count(*) AS n FROM orders"))[0].integer("n")
        }
    }

    /// Order's present broker epoch.
    func brokerEpoch() async throws -> Int64 {
        try await withOrderDatabase { pool in
            try await pool.query(Statement("SELECT max(epoch) AS epoch FROM broker_epochs"))[0]
                .integer("epoch")
        }
    }

    /// Whether every message of Order was acknowledged.
    func isDrained() async throws -> Bool {
        try await withOrderDatabase { pool in
            try await pool.query(
                Statement("SELECT count(*) AS n FROM outbox WHERE published_at IS NULL"))[0]
                .integer("n") == 0
        }
    }

    /// A pool on Order's database, for questions that a test asks many times.
    func withOrderDatabase<Value: Sendable>(
        _ body: @escaping @Sendable (Pool) async throws -> Value
    ) async throws -> Value {
        guard let conninfo = try launch("order").environment["MERCATO_DATABASE_URL"] else {
            throw StackFailure("order was started without a database")
        }
        return try await TestLoop.run { loop in
            let pool = Pool(
                configuration: PoolConfiguration(
                    conninfo: Secret(conninfo), sizeMax: 2, minimum: 0), loop: loop,
                logger: QuietLog.logger(), metrics: QuietLog.metrics())
            do {
                let value = try await body(pool)
                await pool.close()
                return value
            } catch {
                await pool.close()
                throw error
            }
        }
    }

    /// Hits of Inventory's product cache.
    func cacheHits() async throws -> Double {
        let port = settings.ports.operations(.inventory)
        let text = try await TestLoop.run { loop in
            try await ShopClient("http://127.0.0.1:\(port)", loop: loop).call("GET", "/metrics")
                .text
        }
        return text.split(separator: "\n").filter { $0.contains("hit") && !$0.hasPrefix("#") }
            .compactMap { Double($0.split(separator: " ").last ?? "") }.reduce(0, +)
    }
}

extension [PlacedOrder] {
    /// How many of these orders are confirmed.
    func confirmed(in pool: Pool) async throws -> Int {
        let ids = compactMap { UniqueID($0.id) }
        let rows = try await pool.query(
            Statement(
                "SELECT count(*) AS n FROM saga_instances WHERE state = 'CONFIRMED' AND order_id = ANY($1)",
                [.ids(ids)]))
        return Int(try rows[0].integer("n"))
    }
}

extension ShopClient {
    /// Places with one key until the gateway accepts, as a careful client does.
    func accepted(_ customer: UniqueID, _ cart: String, _ card: String, key: String) async throws
        -> Answer
    {
        let box = ResultBox<Answer>()
        try await eventually("accepted", within: .seconds(60), every: .milliseconds(100)) {
            let answer = try await self.placeOrder(customer, cart: cart, card: card, key: key)
            guard answer.status == 202 else {
                throw StackFailure("order not accepted: \(answer.status) \(answer.text)")
            }
            box.value = answer
            return true
        }
        guard let answer = box.value else { throw StackFailure("no answer") }
        return answer
    }

    /// Waits until the order's cart holds nothing any more.
    func emptied(_ order: PlacedOrder, within limit: Duration) async throws {
        try await eventually("cart of \(order.id) is empty", within: limit) {
            let cart = try await self.call("GET", "/v1/carts/\(order.cart)", as: order.customer)
            return (cart.json["lines"] as? [any Sendable])?.isEmpty == true
        }
    }

    /// Waits for a terminal status.
    func ended(_ order: PlacedOrder, within limit: Duration) async throws -> (
        status: String, reason: String?
    ) {
        let box = ResultBox<(status: String, reason: String?)>()
        try await eventually("\(order.id) ended", within: limit, every: .milliseconds(200)) {
            let seen = try await self.order(order.customer, order.id)
            box.value = seen
            return seen.status == "CONFIRMED" || seen.status == "CANCELLED"
        }
        return box.value ?? ("", nil)
    }
}
