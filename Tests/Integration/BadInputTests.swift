import Basics
import Support
import Testing

/// One row of "bad input": a request, and the problem it must be answered with.
struct BadRequest: Sendable, CustomTestStringConvertible {
    let name: String
    let status: Int
    let code: String
    let send: @Sendable (ShopClient, UniqueID, String) async throws -> ShopClient.Answer
    var testDescription: String { name }

    static func order(
        _ name: String, _ status: Int, _ code: String, body: String? = nil,
        headers: [String: String] = ["idempotency-key": "bad-1"]
    ) -> BadRequest {
        BadRequest(name: name, status: status, code: code) { shop, customer, cart in
            try await shop.call(
                "POST", "/v1/orders", as: customer,
                body: body ?? #"{"cart_id":"\#(cart)","card_token":"tok_ok"}"#, headers: headers)
        }
    }

    static func line(_ name: String, _ status: Int, _ code: String, sku: String, body: String)
        -> BadRequest
    {
        BadRequest(name: name, status: status, code: code) { shop, customer, cart in
            try await shop.call("PUT", "/v1/carts/\(cart)/lines/\(sku)", as: customer, body: body)
        }
    }

    static func get(_ name: String, _ status: Int, _ code: String, _ path: String, token: Bool = true)
        -> BadRequest
    {
        BadRequest(name: name, status: status, code: code) { shop, customer, _ in
            try await shop.call("GET", path, as: token ? customer : nil)
        }
    }

    static let all: [BadRequest] = [
        .line("unknown SKU", 422, "unknown_sku", sku: "NO-SUCH-THING", body: #"{"quantity":1}"#),
        .line("quantity 0", 422, "quantity_out_of_range", sku: "MUG-BLUE", body: #"{"quantity":0}"#),
        .line(
            "quantity 10^9", 422, "quantity_out_of_range", sku: "MUG-BLUE",
            body: #"{"quantity":1000000000}"#),
        .line("malformed JSON", 400, "malformed_json", sku: "MUG-BLUE", body: #"{"quantity":"#),
        .order("malformed order", 400, "malformed_json", body: "{"),
        .order(
            "wrong media type", 415, "unsupported_media_type",
            headers: ["idempotency-key": "bad-2", "content-type": "text/plain"]),
        .order("missing key", 400, "idempotency_key_missing", headers: [:]),
        .order(
            "over-long key", 400, "idempotency_key_invalid",
            headers: ["idempotency-key": String(repeating: "k", count: 300)]),
        .order(
            "over-long body", 413, "body_too_large",
            body: #"{"cart_id":"\#(String(repeating: "x", count: 2_000_000))"}"#),
        .get("unknown order", 404, "order_not_found", "/v1/orders/01890000-0000-7000-8000-000000000001"),
        .get("no id at all", 404, "order_not_found", "/v1/orders/seven"),
        .get("no token", 401, "unauthenticated", "/v1/orders", token: false),
        .get("unknown route", 404, "not_found", "/v1/nothing"),
        .get("unknown product", 404, "product_not_found", "/v1/products/NO-SUCH-THING"),
    ]
}

extension WholeStackTests {
    @Test(arguments: BadRequest.all)
    func `bad input is answered with its problem, and nothing is written`(bad: BadRequest)
        async throws
    {
        try await withShop { stack, shop in
            let customer = UniqueID.v7()
            let cart = try await shop.cart(customer, "NOTEBOOK-A5")
            let before = try await stack.orderCount()
            let answer = try await bad.send(shop, customer, cart)
            #expect(answer.status == bad.status, "\(answer.text)")
            #expect(answer.code == bad.code, "\(answer.text)")
            #expect(answer.headers["content-type"] == "application/problem+json")
            let after = try await stack.orderCount()
            #expect(after == before)
            let seen = try await shop.call("GET", "/v1/carts/\(cart)", as: customer)
            #expect((seen.json["lines"] as? [any Sendable])?.count == 1)
        }
    }

    @Test func `another customer's order and cart look like none`() async throws {
        try await withShop { _, shop in
            let order = try await shop.place("NOTEBOOK-A5", card: "tok_ok")
            let stranger = UniqueID.v7()
            let seen = try await shop.call("GET", "/v1/orders/\(order.id)", as: stranger)
            #expect(seen.status == 404 && seen.code == "order_not_found")
            let events = try await shop.call(
                "GET", "/v1/orders/\(order.id)/events", as: stranger)
            #expect(events.status == 404)
            let cart = try await shop.call("GET", "/v1/carts/\(order.cart)", as: stranger)
            #expect(cart.status == 404 && cart.code == "cart_not_found")
        }
    }

    @Test func `a key is replayed byte for byte, and refused with another body`()
        async throws
    {
        try await withShop { _, shop in
            let customer = UniqueID.v7()
            let cart = try await shop.cart(customer, "NOTEBOOK-A5")
            let first = try await shop.placeOrder(customer, cart: cart, card: "tok_ok", key: "once")
            let again = try await shop.placeOrder(customer, cart: cart, card: "tok_ok", key: "once")
            #expect(first.status == 202 && again.status == 202)
            #expect(first.body == again.body)
            #expect(again.headers["location"] == first.headers["location"])
            let other = try await shop.placeOrder(
                customer, cart: cart, card: "tok_declined", key: "once")
            #expect(other.status == 422 && other.code == "idempotency_key_reused")
            let id = try #require(first.json["id"] as? String)
            let order = PlacedOrder(customer: customer, cart: cart, id: id)
            try await shop.reaches("CONFIRMED", order, within: .seconds(20))
            let replay = try await shop.placeOrder(customer, cart: cart, card: "tok_ok", key: "once")
            #expect(replay.status == 202 && replay.body == first.body, "the cart is empty by now")
        }
    }

    @Test func `a second key for the same cart and version is told of the first order`() async throws {
        try await withShop { _, shop in
            let customer = UniqueID.v7()
            let cart = try await shop.cart(customer, "NOTEBOOK-A5")
            let first = try await shop.placeOrder(customer, cart: cart, card: "tok_slow", key: "a")
            let second = try await shop.placeOrder(customer, cart: cart, card: "tok_slow", key: "b")
            #expect(second.status == 409 && second.code == "cart_already_ordered", "\(second.text)")
            let id = try #require(first.json["id"] as? String)
            #expect(second.json["order"] as? String == "/v1/orders/\(id)")
            let order = PlacedOrder(customer: customer, cart: cart, id: id)
            try await shop.reaches("CONFIRMED", order, within: .seconds(20))
        }
    }
}
