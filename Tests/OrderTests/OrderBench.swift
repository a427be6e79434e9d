import Basics
import Contracts
import HTTP
import HTTPClient
import HTTPServer
import Messaging
import Postgres
import Saga
import ServiceKit
import Sockets
import Support
import Synchronization
import Telemetry

@testable import OrderService

/// Order's driver and routes on a real PostgreSQL; the participants are the test itself, Cart and
/// Inventory a small server on a real socket.
struct OrderBench: Sendable {
    struct Options: Sendable {
        var twinWait: Duration = .milliseconds(250)
        var policy = CheckoutPolicy()
        var streams = StreamLimits(
            heartbeat: .seconds(60), pollInterval: .seconds(60), total: 100, perCustomer: 20)
        /// False lets the saga look like one that runs in another replica.
        var signalsCommits = true
        /// Where Cart is asked; nil for the bench's own.
        var cartURL: String?
        var tracer = Tracer.disabled
    }

    let database: ScratchDatabase
    let pool: Pool
    let driver: CheckoutDriver
    let router: Router
    let shop: FakeShop
    let signals: TimelineSignals
    let metrics: MetricsRegistry
    let loop: EventLoop
    /// Errors that no problem document explains.
    let reported: Reported

    static func run(
        _ options: Options = Options(),
        _ body: @escaping @Sendable (OrderBench) async throws -> Void
    ) async throws {
        let database = try await ScratchPostgres.shared.database("order")
        try await TestLoop.run { loop in
            let (logger, metrics) = (QuietLog.logger(), QuietLog.metrics())
            try await Migrator.migrate(
                ownerConnection: database.ownerConninfo,
                migrations: ServiceMessaging.migrations + OrderApplication.migrations, loop: loop,
                logger: logger)
            let pool = Pool(
                configuration: PoolConfiguration(
                    conninfo: database.appConninfo, sizeMax: 8, minimum: 0),
                loop: loop, logger: logger, metrics: metrics, tracer: options.tracer)
            let shop = FakeShop()
            let server = Server(
                configuration: ServerConfiguration(port: 0, name: "shop"), router: shop.router,
                loop: loop, logger: logger, metrics: metrics)
            let url = "http://127.0.0.1:\(try await server.start())"
            let bench = OrderBench(
                database: database, pool: pool, shop: shop, shopURL: url, options, loop: loop,
                metrics: metrics)
            do {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    // Ignored: the server ends by cancellation.
                    group.addTask { try? await server.run() }
                    try await body(bench)
                    group.cancelAll()
                }
                await pool.close()
            } catch {
                await pool.close()
                throw error
            }
        }
    }

    private init(
        database: ScratchDatabase, pool: Pool, shop: FakeShop, shopURL: String,
        _ options: Options, loop: EventLoop, metrics: MetricsRegistry
    ) {
        let (signals, outbox) = (TimelineSignals(limits: options.streams), Outbox(wake: {}))
        let client = Client(loop: loop, logger: QuietLog.logger())
        driver = CheckoutDriver(
            policy: options.policy, outbox: outbox, logger: QuietLog.logger(), metrics: metrics,
            tracer: options.tracer, changed: { if options.signalsCommits { signals.changed($0) } })
        let place = PlaceOrder(
            pool: pool, driver: driver, outbox: outbox,
            catalogue: CartAndPrices(
                cart: UpstreamClient(
                    name: "cart", client: client, baseURL: options.cartURL ?? shopURL),
                inventory: UpstreamClient(name: "inventory", client: client, baseURL: shopURL)),
            random: .system, twinWait: options.twinWait, metrics: metrics)
        let view = OrderView(pool: pool)
        let stream = OrderStream(
            view: view, signals: signals, loop: loop, limits: options.streams)
        let reported = Reported()
        var router = Router()
        router.reportErrors { error, _ in reported.add("\(error)") }
        router.on(.post, "/v1/orders") { try await place.handle($0) }
        router.on(.get, "/v1/orders/{id}") { try await view.get($0) }
        router.on(.get, "/v1/orders/{id}/events") { try await stream.handle($0) }
        self.router = router
        self.database = database
        self.pool = pool
        self.shop = shop
        self.signals = signals
        self.metrics = metrics
        self.loop = loop
        self.reported = reported
    }

    struct Reply: Sendable {
        let status: Int
        let headers: Headers
        let bytes: [UInt8]
        let json: JSONValue
        var code: String? { json["code"]?.text }
    }

    func ask(
        _ method: HTTP.Method, _ target: String, _ body: String? = nil,
        as customer: CustomerID, headers: Headers = [:]
    ) async throws -> Reply {
        let response = try await respond(method, target, body, as: customer, headers: headers)
        guard case .bytes(let bytes) = response.body else {
            return Reply(status: response.status, headers: response.headers, bytes: [], json: .null)
        }
        return Reply(
            status: response.status, headers: response.headers, bytes: bytes,
            json: try JSONCoding.decode(JSONValue.self, from: bytes))
    }

    func respond(
        _ method: HTTP.Method, _ target: String, _ body: String? = nil,
        as customer: CustomerID, headers: Headers = [:]
    ) async throws -> Response {
        var headers = headers
        if body != nil { headers["content-type"] = "application/json" }
        let request = try Request(method, target, headers: headers, body: Array((body ?? "").utf8))
        request.context.customer = customer.description
        return await router.respond(to: request)
    }

    /// `POST /v1/orders` for the shop's cart.
    func order(_ key: String, as customer: CustomerID, version: Int64? = nil) async throws -> Reply
    {
        let extra = version.map { #","cart_version":\#($0)"# } ?? ""
        return try await ask(
            .post, "/v1/orders", #"{"cart_id":"\#(shop.cartID)","card_token":"tok_ok"\#(extra)}"#,
            as: customer, headers: ["idempotency-key": key])
    }

    func outcomes(_ outcome: String) -> Int64 {
        metrics.counter(
            "idempotency_keys_total", help: "", labels: ["outcome": outcome]
        ).value
    }

    /// Times a connection of the pool was asked for.
    var acquisitions: UInt64 {
        metrics.histogram(
            "postgres_pool_wait_seconds", help: "", labels: ["pool": "main"]
        ).snapshot.count
    }

    func count(_ table: String) async throws -> Int64 {
        try await pool.query(Statement("SELECT count(*) AS n FROM \(table)"))[0].integer("n")
    }
}

/// Cart and Inventory in one: one cart, and two articles.
final class FakeShop: Sendable {
    struct Shelf: Sendable {
        var version: Int64 = 3
        var lines: [(sku: String, quantity: Int64)] = [("LAMP-1", 2)]
        /// Runs once, when the cart is asked for the next time, before it is read.
        var meanwhile: (@Sendable () async throws -> Void)?
        var questions = 0
    }

    let cartID = CartID.make()
    let shelf = Mutex(Shelf())

    func change(_ body: @Sendable (inout Shelf) -> Void) { shelf.withLock { body(&$0) } }

    var router: Router {
        var router = Router()
        router.on(.get, "/internal/carts/{id}") { [self] _ in
            let meanwhile = shelf.withLock { shelf in
                shelf.questions += 1
                let meanwhile = shelf.meanwhile
                shelf.meanwhile = nil
                return meanwhile
            }
            try await meanwhile?()
            let (version, lines) = shelf.withLock { ($0.version, $0.lines) }
            let shown: [JSONValue] = lines.map {
                ["sku": .string($0.sku), "quantity": .integer($0.quantity)]
            }
            return try .json(
                200,
                JSONValue.object([
                    "id": .string("\(cartID)"), "version": .integer(version),
                    "lines": .array(shown),
                ]))
        }
        router.on(.get, "/internal/products") { request in
            let known = ["LAMP-1": 1_200, "STOOL-2": 500]
            let products: [JSONValue] = request.query.compactMap {
                guard let price = known[$0.value] else { return nil }
                return [
                    "sku": .string($0.value), "name": .string("Article \($0.value)"),
                    "price": ["amount_minor": .integer(Int64(price)), "currency": "EUR"],
                ]
            }
            return try .json(200, JSONValue.object(["products": .array(products)]))
        }
        return router
    }
}

/// Collects texts from any task.
final class Reported: Sendable {
    private let list = Mutex<[String]>([])
    func add(_ text: String) { list.withLock { $0.append(text) } }
    var all: [String] { list.withLock { $0 } }
}
