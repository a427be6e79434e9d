import Basics
import HTTP
import Postgres
import Support
import Synchronization
import Telemetry
import Testing

@testable import CartService

@Suite(.timeLimit(.minutes(2))) struct CartRoutesTests {
    @Test func `a customer has one cart, and every change adds 1 to its version`() async throws {
        try await CartHarness.run { shop in
            let customer = CustomerID.make()
            let first = try await shop.ask(.post, "/v1/carts", as: customer)
            #expect(first.status == 201)
            let second = try await shop.ask(.post, "/v1/carts", as: customer)
            #expect(second.status == 200)
            #expect(second.json["id"] == first.json["id"])
            let cart = try #require(first.json["id"]?.text)
            let added = try await shop.put("LAMP-1", "2", into: cart, as: customer)
            #expect(added.status == 200)
            #expect(added.json["version"]?.integer == 2)
            #expect(added.json["lines"]?.elements?.first?["name"] == "Article LAMP-1")
            #expect(added.json["total"]?["amount_minor"]?.integer == 2_400)
            try await shop.put("STOOL-2", "99", into: cart, as: customer)
            try await shop.put("LAMP-1", "3", into: cart, as: customer)
            // The same again is no change.
            try await shop.put("LAMP-1", "3", into: cart, as: customer)
            #expect(
                try await shop.contents(cart, as: customer)
                    == .init(version: 4, lines: ["LAMP-1": 3, "STOOL-2": 99]))
            let removed = try await shop.ask(
                .delete, "/v1/carts/\(cart)/lines/STOOL-2", as: customer)
            #expect(removed.json["version"]?.integer == 5)
            let again = try await shop.ask(
                .delete, "/v1/carts/\(cart)/lines/STOOL-2", as: customer)
            #expect(again.status == 200)
            #expect(again.json["version"]?.integer == 5)
        }
    }

    @Test func `wrong requests get a problem with a stable code, and write nothing`() async throws {
        try await CartHarness.run { shop in
            let (customer, other) = (CustomerID.make(), CustomerID.make())
            let cart = try await shop.open(customer)
            for quantity in ["0", "-1", "100", "1000000000", "1e30"] {
                let answer = try await shop.put("LAMP-1", quantity, into: cart, as: customer)
                #expect(answer.status == 422)
                #expect(answer.json["code"] == "quantity_out_of_range")
            }
            for quantity in ["1.5", "\"2\"", "null", "true"] {
                let answer = try await shop.put("LAMP-1", quantity, into: cart, as: customer)
                #expect(answer.status == 422, "\(quantity)")
                #expect(answer.json["code"] == "invalid_field", "\(quantity)")
            }
            let nested =
                String(repeating: "[", count: 500) + String(repeating: "]", count: 500)
            #expect(shop.router.bodyLimit(.put, "/v1/carts/\(cart)/lines/LAMP-1") == 1_024)
            let deep = try await shop.put("LAMP-1", nested, into: cart, as: customer)
            #expect(deep.status == 400)
            #expect(deep.json["code"] == "malformed_json")
            for sku in ["NONE-1", "lower", "%F0%9F%92%A1"] {
                let answer = try await shop.put(sku, "1", into: cart, as: customer)
                #expect(answer.status == 422)
                #expect(answer.json["code"] == "unknown_sku")
            }
            let line = "/v1/carts/\(cart)/lines/LAMP-1"
            let malformed = try await shop.ask(.put, line, "{", as: customer)
            #expect(malformed.json["code"] == "malformed_json")
            let text = try await shop.ask(
                .put, line, #"{"quantity":1}"#, as: customer, type: "text/plain")
            #expect(text.json["code"] == "unsupported_media_type")
            for target in [
                "/v1/carts/\(cart)", "/internal/carts/\(cart)", "/v1/carts/\(UniqueID.v7())",
                "/v1/carts/nonsense",
            ] {
                let answer = try await shop.ask(.get, target, as: other)
                #expect(answer.status == 404)
                #expect(answer.json["code"] == "cart_not_found")
            }
            #expect(try await shop.put("LAMP-1", "1", into: cart, as: other).status == 404)
            #expect(try await shop.ask(.delete, line, as: other).status == 404)
            let nobody = try await shop.ask(.get, "/v1/carts/\(cart)", as: nil)
            #expect(nobody.status == 401)
            #expect(nobody.json["code"] == "unauthenticated")
            #expect(
                try await shop.contents(cart, as: customer) == .init(version: 1, lines: [:]))
        }
    }

    @Test func `a cart is still another customer's 404 when it is cached`() async throws {
        try await CartHarness.run { shop in
            let customer = CustomerID.make()
            let cart = try await shop.open(customer)
            for _ in 0..<2 {
                #expect(
                    try await shop.ask(.get, "/v1/carts/\(cart)", as: customer).status == 200)
            }
            #expect(try await shop.ask(.get, "/v1/carts/\(cart)", as: .make()).status == 404)
        }
    }

    @Test func `without Inventory carts are shown, changed, but get no new article`() async throws {
        try await CartHarness.run { shop in
            let customer = CustomerID.make()
            let cart = try await shop.open(customer)
            try await shop.put("LAMP-1", "2", into: cart, as: customer)
            shop.inventory.status.store(503, ordering: .relaxed)
            let shown = try await shop.ask(.get, "/v1/carts/\(cart)", as: customer)
            #expect(shown.status == 200)
            #expect(shown.json["total"] == nil)
            #expect(shown.json["lines"]?.elements?.first?["quantity"]?.integer == 2)
            #expect(try await shop.put("LAMP-1", "5", into: cart, as: customer).status == 200)
            let refused = try await shop.put("STOOL-2", "1", into: cart, as: customer)
            #expect(refused.status == 503)
            #expect(refused.json["code"] == "upstream_unavailable")
            // The view without names was not kept.
            shop.inventory.status.store(200, ordering: .relaxed)
            let healed = try await shop.ask(.get, "/v1/carts/\(cart)", as: customer)
            #expect(healed.json["total"]?["amount_minor"]?.integer == 6_000)
            #expect(
                try await shop.contents(cart, as: customer)
                    == .init(version: 3, lines: ["LAMP-1": 5]))
        }
    }

    @Test func `changes of one cart at the same time are counted one by one`() async throws {
        try await CartHarness.run { shop in
            let customer = CustomerID.make()
            let cart = try await shop.open(customer)
            try await shop.put("LAMP-1", "99", into: cart, as: customer)
            try await withThrowingTaskGroup(of: Int.self) { group in
                for quantity in 1...20 {
                    group.addTask {
                        try await shop.put("LAMP-1", "\(quantity)", into: cart, as: customer)
                            .status
                    }
                }
                for try await status in group { #expect(status == 200) }
            }
            #expect(try await shop.contents(cart, as: customer).version == 22)
        }
    }

    @Test func `a read is served from Redis until the cart changes`() async throws {
        try await CartHarness.run { shop in
            let customer = CustomerID.make()
            let cart = try await shop.open(customer)
            try await shop.put("LAMP-1", "1", into: cart, as: customer)
            let hits = shop.metrics.counter(
                "mercato_cart_cache_total", help: "Cart reads, by what the cache had.",
                labels: ["result": "hit"])
            let target = "/v1/carts/\(cart)"
            let first = try await shop.ask(.get, target, as: customer)
            let asked = shop.inventory.questions.load(ordering: .relaxed)
            #expect(try await shop.ask(.get, target, as: customer).json == first.json)
            #expect(hits.value == 1)
            #expect(shop.inventory.questions.load(ordering: .relaxed) == asked)
            try await shop.put("LAMP-1", "2", into: cart, as: customer)
            #expect(
                try await shop.ask(.get, target, as: customer).json["version"]?.integer == 3)
            #expect(hits.value == 1)
        }
    }

    @Test func `a slow reader cannot put back what a writer has deleted`() async throws {
        try await CartHarness.run { shop in
            let customer = CustomerID.make()
            let id = try #require(CartID(try await shop.open(customer)))
            let old = try #require(try await CartStore(pool: shop.pool).find(id))
            let lease = await shop.cache.lease(id)
            await shop.cache.forget(id)
            await shop.cache.store(CartView(old, articles: [:]), under: lease)
            #expect(await shop.cache.find(id) == nil)
            let fresh = await shop.cache.lease(id)
            await shop.cache.store(CartView(old, articles: [:]), under: fresh)
            #expect(await shop.cache.find(id) == CartView(old, articles: [:]))
        }
    }

    @Test func `without Redis everything works (invariant 36)`() async throws {
        try await CartHarness.run(redisPort: 1) { shop in
            let customer = CustomerID.make()
            let cart = try await shop.open(customer)
            try await shop.put("LAMP-1", "2", into: cart, as: customer)
            for _ in 0..<3 {
                let shown = try await shop.ask(.get, "/v1/carts/\(cart)", as: customer)
                #expect(shown.json["version"]?.integer == 2)
            }
        }
    }
}
