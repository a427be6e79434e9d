import Basics
import DurableService
import HTTP
import Postgres
import Redis
import Support
import Synchronization
import Telemetry
import Testing

@testable import InventoryService

/// The routes on a real PostgreSQL and Redis, without sockets. One after the other: the cache has
/// one key for all articles, and the tests share a Redis.
@Suite(.serialized, .timeLimit(.minutes(2))) struct InventoryRoutesTests {
    /// Both listeners' routes in one router, and the clock of the cache in the test's hand.
    struct Shop: Sendable {
        let inventory: InventoryHarness
        let router: Router
        let clock: Mutable<WallTime>
        let redis: RedisClient

        func ask(
            _ method: HTTP.Method, _ target: String, _ body: String? = nil,
            type: String? = "application/json"
        ) async throws -> (status: Int, json: JSONValue) {
            var headers: Headers = [:]
            if body != nil { headers["content-type"] = type }
            let request = try Request(
                method, target, headers: headers, body: Array((body ?? "").utf8))
            let response = await router.respond(to: request)
            guard case .bytes(let bytes) = response.body else { return (response.status, .null) }
            return (response.status, try JSONCoding.decode(JSONValue.self, from: bytes))
        }
    }

    final class Mutable<Value: Sendable>: Sendable {
        private let state: Mutex<Value>
        init(_ value: Value) { state = Mutex(value) }
        var value: Value { state.withLock { $0 } }
        func set(_ value: Value) { state.withLock { $0 = value } }
    }

    /// - Parameter redisPort: nil for the shared server.
    static func run(
        redisPort: Int? = nil, _ body: @escaping @Sendable (Shop) async throws -> Void
    ) async throws {
        let port: Int
        if let redisPort { port = redisPort } else { port = try await ScratchRedis.shared.port() }
        try await InventoryHarness.run { inventory in
            let redis = RedisClient(
                configuration: RedisConfiguration(
                    host: "127.0.0.1", port: port, database: 1),
                loop: inventory.loop, logger: QuietLog.logger(), metrics: inventory.metrics)
            let clock = Mutable(WallTime(microseconds: 1_000_000_000))
            let cache = ProductCache(
                redis: redis, freshFor: .seconds(2), keptFor: .seconds(600),
                metrics: inventory.metrics, now: { clock.value })
            let products = ProductStore(pool: inventory.pool)
            var router = Router()
            ProductRoutes(store: products, cache: cache).register(on: &router)
            StockRoutes(
                products: products, receipts: ReceiptStore(pool: inventory.pool), cache: cache
            ).register(on: &router)
            let audit = AuditRoute(
                service: "inventory", pool: inventory.pool,
                tables: InventoryApplication.auditTables)
            router.on(.get, "/internal/audit", audit.handler)
            let shop = Shop(inventory: inventory, router: router, clock: clock, redis: redis)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    // Ignored: the client ends by cancellation.
                    try? await redis.run()
                }
                if redisPort == nil {
                    try await eventually("Redis") { await redis.isConnected }
                    _ = try await redis.command(["FLUSHDB"])
                }
                try await body(shop)
                group.cancelAll()
            }
        }
    }

    private static let lamp = """
        {"name":"Lamp","description":"Bright","price":{"amount_minor":1200,"currency":"EUR"},\
        "image":"lamp.svg","active":true}
        """

    private static func receipt(_ id: String, _ sku: String, _ quantity: String) -> String {
        #"{"receipt_id":"\#(id)","sku":"\#(sku)","quantity":\#(quantity)}"#
    }

    @Test func `an article is written, stocked and read`() async throws {
        try await Self.run { shop in
            #expect(try await shop.ask(.put, "/internal/products/LAMP-1", Self.lamp).status == 204)
            let id = UniqueID.v7().description
            let first = try await shop.ask(
                .post, "/internal/receipts", Self.receipt(id, "LAMP-1", "7"))
            #expect(first.status == 201)
            #expect(first.json["on_hand"]?.integer == 7)
            let again = try await shop.ask(
                .post, "/internal/receipts", Self.receipt(id, "LAMP-1", "7"))
            #expect(again.status == 200)
            #expect(again.json == first.json)
            let other = try await shop.ask(
                .post, "/internal/receipts", Self.receipt(id, "LAMP-1", "8"))
            #expect(other.status == 409)
            #expect(other.json["code"]?.text == "receipt_id_reused")
            let one = try await shop.ask(.get, "/v1/products/LAMP-1")
            #expect(one.json["available"]?.integer == 7)
            #expect(one.json["price"]?["amount_minor"]?.integer == 1_200)
            #expect(one.json["stale"] == .boolean(false))
            let all = try await shop.ask(.get, "/v1/products")
            #expect(all.json["products"]?.elements?.first?["sku"]?.text == "LAMP-1")
            #expect(try await shop.inventory.offenders() == [])
        }
    }

    @Test func `wrong requests get a problem with a stable code, and write nothing`() async throws {
        try await Self.run { shop in
            _ = try await shop.ask(.put, "/internal/products/LAMP-1", Self.lamp)
            let id = UniqueID.v7().description
            let cases: [(HTTP.Method, String, String?, Int, String)] = [
                (.get, "/v1/products/NONE-1", nil, 404, "product_not_found"),
                (.get, "/v1/products/lower", nil, 404, "product_not_found"),
                (.get, "/internal/products", nil, 422, "invalid_field"),
                (.put, "/internal/products/lower", Self.lamp, 422, "invalid_field"),
                (.put, "/internal/products/A", "{", 400, "malformed_json"),
                (.put, "/internal/products/A", "{}", 422, "invalid_field"),
                (
                    .put, "/internal/products/A",
                    Self.lamp.replacing("\"Lamp\"", with: "\"\""), 422, "invalid_field"
                ),
                (
                    .put, "/internal/products/A",
                    Self.lamp.replacing("Bright", with: #"\u0000"#), 422, "invalid_field"
                ),
                (
                    .put, "/internal/products/A", Self.lamp.replacing("1200", with: "-1"), 422,
                    "invalid_field"
                ),
                (
                    .post, "/internal/receipts", Self.receipt(id, "NONE-1", "1"), 422,
                    "unknown_sku"
                ),
                (
                    .post, "/internal/receipts", Self.receipt(id, "LAMP-1", "0"), 422,
                    "quantity_out_of_range"
                ),
                (
                    .post, "/internal/receipts", Self.receipt(id, "LAMP-1", "1000000001"), 422,
                    "quantity_out_of_range"
                ),
                (
                    .post, "/internal/receipts", Self.receipt(id, "LAMP-1", "1.5"), 422,
                    "invalid_field"
                ),
                (
                    .post, "/internal/receipts", Self.receipt("x", "LAMP-1", "1"), 422,
                    "invalid_field"
                ),
            ]
            for (method, target, body, status, code) in cases {
                let answer = try await shop.ask(method, target, body)
                #expect(answer.status == status, "\(method) \(target) \(body ?? "")")
                #expect(answer.json["code"]?.text == code, "\(method) \(target) \(body ?? "")")
            }
            let typeless = try await shop.ask(
                .post, "/internal/receipts", Self.receipt(id, "LAMP-1", "1"), type: "text/plain")
            #expect(typeless.status == 415)
            let sku = try #require(SKU("LAMP-1"))
            #expect(
                try await shop.inventory.stock(sku)
                    == StockLevel(onHand: 0, held: 0, version: 0))
        }
    }

    @Test func `services see PostgreSQL and the names that are unknown`() async throws {
        try await Self.run { shop in
            _ = try await shop.ask(.put, "/internal/products/LAMP-1", Self.lamp)
            _ = try await shop.ask(.get, "/v1/products/LAMP-1")
            try await shop.inventory.database.asSuperuser("UPDATE products SET unit_minor = 5")
            let answer = try await shop.ask(
                .get, "/internal/products?sku=LAMP-1&sku=NONE-1&sku=lower&sku=NONE-1")
            #expect(
                answer.json["products"]?.elements?.first?["price"]?["amount_minor"]?.integer == 5)
            #expect(answer.json["missing"] == ["NONE-1", "lower"])
        }
    }

    @Test func `an article is cached for two seconds, and a hit is counted`() async throws {
        try await Self.run { shop in
            _ = try await shop.ask(.put, "/internal/products/LAMP-1", Self.lamp)
            let hits = shop.inventory.metrics.counter(
                "mercato_product_cache_total", help: "Product reads, by what the cache had.",
                labels: ["result": "hit"])
            func price() async throws -> Int64? {
                try await shop.ask(.get, "/v1/products/LAMP-1").json["price"]?["amount_minor"]?
                    .integer
            }
            #expect(try await price() == 1_200)
            #expect(hits.value == 0)
            try await shop.inventory.database.asSuperuser("UPDATE products SET unit_minor = 5")
            #expect(try await price() == 1_200)
            #expect(hits.value == 1)
            shop.clock.set(shop.clock.value.advanced(by: .seconds(2)))
            #expect(try await price() == 5)
            #expect(hits.value == 1)
            // An operator's write is seen at once.
            _ = try await shop.ask(.put, "/internal/products/LAMP-1", Self.lamp)
            #expect(try await price() == 1_200)
        }
    }

    @Test func `without PostgreSQL the old copy is shown as stale, and nothing else is`()
        async throws
    {
        try await Self.run { shop in
            _ = try await shop.ask(.put, "/internal/products/LAMP-1", Self.lamp)
            let fresh = try await shop.ask(.get, "/v1/products")
            shop.clock.set(shop.clock.value.advanced(by: .seconds(60)))
            let name = shop.inventory.database.name
            try await shop.inventory.database.asSuperuser(
                """
                REVOKE CONNECT ON DATABASE \(name) FROM PUBLIC, inventory_app;
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = '\(name)' AND usename = 'inventory_app'
                """)
            let old = try await shop.ask(.get, "/v1/products")
            #expect(old.status == 200)
            #expect(old.json["stale"] == .boolean(true))
            #expect(old.json["as_of"] == fresh.json["as_of"])
            #expect(old.json["products"] == fresh.json["products"])
            let uncached = try await shop.ask(.get, "/v1/products/LAMP-1")
            #expect(uncached.status == 503)
            #expect(uncached.json["code"]?.text == "database_unavailable")
            let internalRead = try await shop.ask(.get, "/internal/products?sku=LAMP-1")
            #expect(internalRead.status == 503)
        }
    }

    @Test func `without Redis every read asks PostgreSQL`() async throws {
        try await Self.run(redisPort: 1) { shop in
            _ = try await shop.ask(.put, "/internal/products/LAMP-1", Self.lamp)
            for _ in 0..<3 {
                let answer = try await shop.ask(.get, "/v1/products/LAMP-1")
                #expect(answer.status == 200)
                #expect(answer.json["stale"] == .boolean(false))
            }
        }
    }

    @Test func `the audit shows every table and counts its rows`() async throws {
        try await Self.run { shop in
            let sku = try #require(SKU("LAMP-1"))
            try await shop.inventory.article(sku, pieces: 5)
            try await shop.inventory.send(InventoryHarness.reserve([(sku, 2)]), for: .make())
            let request = try Request(.get, "/internal/audit")
            let response = await shop.router.respond(to: request)
            guard case .stream(_, let write) = response.body else {
                Issue.record("the audit is not streamed")
                return
            }
            let collected = Collector()
            try await write(collected)
            let lines = try String(decoding: collected.bytes, as: UTF8.self)
                .split(separator: "\n")
                .map { try JSONCoding.decode(JSONValue.self, from: Array($0.utf8)) }
            let names = lines.compactMap { $0["t"]?.text }
            #expect(
                names == [
                    "audit", "products", "stock", "stock_moves", "stock_moves", "reservations",
                    "reservation_log", "reservation_lines", "outbox_unpublished", "end",
                ])
            #expect(lines.last?["r"]?["rows"]?.integer == 8)
            #expect(lines.first { $0["t"] == "reservations" }?["r"]?["status"] == "HELD")
        }
    }

    final class Collector: BodyWriter {
        private let state = Mutex<[UInt8]>([])
        var bytes: [UInt8] { state.withLock { $0 } }
        func write(_ bytes: [UInt8]) async throws { state.withLock { $0 += bytes } }
    }
}
