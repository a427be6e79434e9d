import Basics
import Contracts
import HTTP
import HTTPClient
import HTTPServer
import Messaging
import Postgres
import Redis
import ServiceKit
import Sockets
import Support
import Synchronization
import Telemetry

@testable import CartService

/// Cart's routes and its event handler on a real PostgreSQL and Redis, with an Inventory on a real
/// socket that knows LAMP-1 and STOOL-2.
struct CartHarness: Sendable {
    let database: ScratchDatabase
    let pool: Pool
    let router: Router
    let handler: OrderEventHandler
    let cache: CartCache
    let redis: RedisClient
    let metrics: MetricsRegistry
    let inventory: FakeInventory

    /// What Inventory answers; `status` other than 200 plays an Inventory in trouble.
    final class FakeInventory: Sendable {
        let status = Atomic<Int>(200)
        let questions = Atomic<Int>(0)

        func answer(_ request: Request) throws -> Response {
            questions.add(1, ordering: .relaxed)
            let status = status.load(ordering: .relaxed)
            guard status == 200 else { return .empty(status) }
            let known = ["LAMP-1": 1_200, "STOOL-2": 500]
            let products: [JSONValue] = request.query.filter { $0.name == "sku" }.compactMap {
                guard let price = known[$0.value] else { return nil }
                return [
                    "sku": .string($0.value), "name": .string("Article \($0.value)"),
                    "price": ["amount_minor": .integer(Int64(price)), "currency": "EUR"],
                ]
            }
            return try .json(200, JSONValue.object(["products": .array(products), "missing": []]))
        }
    }

    /// - Parameter redisPort: nil for the shared server.
    static func run(
        redisPort: Int? = nil, _ body: @escaping @Sendable (CartHarness) async throws -> Void
    ) async throws {
        let database = try await ScratchPostgres.shared.database("cart")
        let port: Int
        if let redisPort { port = redisPort } else { port = try await ScratchRedis.shared.port() }
        try await TestLoop.run { loop in
            let (logger, metrics) = (QuietLog.logger(), QuietLog.metrics())
            try await Migrator.migrate(
                ownerConnection: database.ownerConninfo,
                migrations: ServiceMessaging.migrations + CartSchema.migrations, loop: loop,
                logger: logger)
            let pool = Pool(
                configuration: PoolConfiguration(
                    conninfo: database.appConninfo, sizeMax: 8, minimum: 0),
                loop: loop, logger: logger, metrics: metrics)
            let redis = RedisClient(
                configuration: RedisConfiguration(host: "127.0.0.1", port: port), loop: loop,
                logger: logger, metrics: metrics)
            let inventory = FakeInventory()
            var routes = Router()
            routes.on(.get, "/internal/products") { try inventory.answer($0) }
            let server = Server(
                configuration: ServerConfiguration(port: 0, name: "inventory"), router: routes,
                loop: loop, logger: logger, metrics: metrics)
            let inventoryPort = try await server.start()
            let cache = CartCache(redis: redis, timeToLive: .seconds(60), metrics: metrics)
            let eraser = CartCacheEraser(cache: cache, metrics: metrics)
            var router = Router()
            CartRoutes(
                store: CartStore(pool: pool), cache: cache,
                inventory: InventoryDirectory(
                    upstream: UpstreamClient(
                        name: "inventory", client: Client(loop: loop, logger: logger),
                        baseURL: "http://127.0.0.1:\(inventoryPort)")),
                limits: {
                    var limits = CartRoutes.Limits()
                    limits.namesTimeout = .seconds(2)
                    return limits
                }()
            ).register(on: &router)
            let harness = CartHarness(
                database: database, pool: pool, router: router,
                handler: OrderEventHandler(metrics: metrics, changed: { eraser.erase($0) }),
                cache: cache, redis: redis, metrics: metrics, inventory: inventory)
            try await withThrowingTaskGroup(of: Void.self) { group in
                // Ignored: these three end by cancellation.
                group.addTask { try? await redis.run() }
                group.addTask { try? await server.run() }
                group.addTask { try? await eraser.run() }
                if redisPort == nil {
                    try await eventually("Redis") { await redis.isConnected }
                }
                try await body(harness)
                group.cancelAll()
            }
            await pool.close()
        }
    }

    // MARK: Requests

    func ask(
        _ method: HTTP.Method, _ target: String, _ body: String? = nil,
        as customer: CustomerID?, type: String = "application/json"
    ) async throws -> (status: Int, json: JSONValue) {
        var headers: Headers = [:]
        if body != nil { headers["content-type"] = type }
        let request = try Request(
            method, target, headers: headers, body: Array((body ?? "").utf8))
        request.context.customer = customer?.description
        let response = await router.respond(to: request)
        guard case .bytes(let bytes) = response.body else { return (response.status, .null) }
        return (response.status, try JSONCoding.decode(JSONValue.self, from: bytes))
    }

    /// The id of the customer's cart.
    func open(_ customer: CustomerID) async throws -> String {
        try await ask(.post, "/v1/carts", as: customer).json["id"]?.text ?? ""
    }

    @discardableResult
    func put(
        _ sku: String, _ quantity: String, into cart: String, as customer: CustomerID
    ) async throws -> (status: Int, json: JSONValue) {
        try await ask(
            .put, "/v1/carts/\(cart)/lines/\(sku)", #"{"quantity":\#(quantity)}"#, as: customer)
    }

    /// The cart as Order reads it: `[version, sku: quantity…]`.
    func contents(_ cart: String, as customer: CustomerID) async throws -> Contents {
        let json = try await ask(.get, "/internal/carts/\(cart)", as: customer).json
        var lines: [String: Int64] = [:]
        for line in json["lines"]?.elements ?? [] {
            lines[line["sku"]?.text ?? ""] = line["quantity"]?.integer
        }
        return Contents(version: json["version"]?.integer ?? 0, lines: lines)
    }

    struct Contents: Equatable {
        let version: Int64
        let lines: [String: Int64]
    }

    // MARK: Events

    func deliver<P: Payload>(_ event: P, order: OrderID, id: UniqueID = .v7()) async throws {
        let message = IncomingMessage(
            envelope: Envelope(
                messageID: id, type: P.type, version: P.version, orderID: order,
                causationID: .v7()),
            payload: try PayloadCoding.encode(event))
        try await pool.transaction { transaction in
            guard
                try await Inbox(consumer: "cart")
                    .firstSight(of: message.envelope.messageID, in: transaction)
            else { return }
            try await handler.handle(message, in: transaction)
        }
    }
}
