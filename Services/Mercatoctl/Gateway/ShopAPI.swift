package import Basics
import Foundation

/// The public API as one customer uses it.
package struct ShopAPI: Sendable {
    package let url: String
    package let customer: UniqueID
    private let calls: any HTTPCalls

    package init(url: String, customer: UniqueID, calls: any HTTPCalls) {
        self.url = url
        self.customer = customer
        self.calls = calls
    }

    /// Demo identity (architecture.md §1): the token is the customer.
    private var headers: [String: String] {
        ["Authorization": "Bearer demo-\(customer)", "Content-Type": "application/json"]
    }

    package func availability(of sku: String) async throws -> Int64 {
        let answer = try await calls.call(
            "GET", "\(url)/v1/products/\(sku)", headers: headers, body: nil)
        return try object(answer, "the product", expecting: [200]).integer("available")
    }

    /// The customer's cart: its id.
    package func openCart() async throws -> String {
        let answer = try await calls.call(
            "POST", "\(url)/v1/carts", headers: headers, body: Array("{}".utf8))
        return try object(answer, "the cart", expecting: [200, 201]).text("id")
    }

    package func put(_ sku: String, quantity: Int, in cart: String) async throws {
        let answer = try await calls.call(
            "PUT", "\(url)/v1/carts/\(cart)/lines/\(sku)", headers: headers,
            body: Array("{\"quantity\":\(quantity)}".utf8))
        _ = try object(answer, "the cart", expecting: [200, 201])
    }

    /// Places the order; the key is the caller's to keep.
    ///
    /// - Returns: the order's id.
    package func order(cart: String, cardToken: String, key: String) async throws -> String {
        var headers = headers
        headers["Idempotency-Key"] = key
        let answer = try await calls.call(
            "POST", "\(url)/v1/orders", headers: headers,
            body: Array("{\"card_token\":\"\(cardToken)\",\"cart_id\":\"\(cart)\"}".utf8))
        return try object(answer, "the order", expecting: [202]).text("id")
    }

    package struct OrderView: Sendable, Equatable {
        package let status: String
        package let reason: String?
        package let total: String
        /// 32 hexadecimal digits, for Jaeger.
        package let traceID: String?
    }

    package func view(_ order: String) async throws -> OrderView {
        let answer = try await calls.call(
            "GET", "\(url)/v1/orders/\(order)", headers: headers, body: nil)
        let object = try object(answer, "the order", expecting: [200])
        let total = object.optionalObject("total")
        return OrderView(
            status: try object.text("status"), reason: object.optionalText("reason"),
            total: Self.amount(
                total?.optionalInteger("amount_minor"), total?.optionalText("currency")),
            traceID: object.optionalText("trace_id"))
    }

    /// The order's events as they happen, from behind `lastEventID` on.
    package func events(
        _ order: String, after lastEventID: String?, limit: Deadline,
        _ event: (EventStream.Event) async throws -> Bool
    ) async throws {
        var headers = headers
        headers["Accept"] = "text/event-stream"
        headers["Last-Event-ID"] = lastEventID
        var stream = EventStream()
        let status = try await calls.stream(
            "\(url)/v1/orders/\(order)/events", headers: headers, limit: limit
        ) { bytes in
            for one in try stream.receive(bytes) where try await !event(one) { return false }
            return true
        }
        guard status == 200 else {
            throw CommandFailure(.failed, "the order's events answered \(status)")
        }
    }

    private func object(_ answer: HTTPAnswer, _ what: String, expecting: [Int])
        throws(CommandFailure) -> JSONObject
    {
        guard expecting.contains(answer.status) else { throw Problem.failure(what, answer) }
        return try JSONObject(answer.body, what: what)
    }

    /// Minor units as people write them; the demo's currency has two digits.
    package static func amount(_ minor: Int64?, _ currency: String?) -> String {
        guard let minor, let currency else { return "-" }
        let cents = minor.magnitude % 100
        let sign = minor < 0 ? "-" : ""
        return "\(sign)\(minor.magnitude / 100).\(cents < 10 ? "0" : "")\(cents) \(currency)"
    }
}
