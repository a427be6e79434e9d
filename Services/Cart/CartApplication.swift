import Contracts
package import DurableService
import HTTP
import HTTPClient
import Messaging
import Postgres
import Redis
package import ServiceKit
import Telemetry

/// The composition root: what Cart is built of. Read it as the table of contents.
package struct CartApplication: Sendable {
    private let context: ServiceContext
    private let configuration: CartConfiguration
    private let durable: DurableService
    private let redis: RedisClient
    private let store: CartStore
    private let cache: CartCache
    private let eraser: CartCacheEraser
    private let inventory: InventoryDirectory

    package init(_ context: ServiceContext) throws {
        self.context = context
        configuration = try CartConfiguration(context.environment)
        durable = try DurableService(context, migrations: CartSchema.migrations)
        redis = RedisClient(
            configuration: configuration.redis, loop: context.loop, logger: context.logger,
            metrics: context.metrics)
        store = CartStore(pool: durable.pool)
        cache = CartCache(
            redis: redis, timeToLive: configuration.cacheTime, metrics: context.metrics,
            random: context.random)
        eraser = CartCacheEraser(cache: cache, metrics: context.metrics)
        let client = Client(
            loop: context.loop, configuration: ClientConfiguration(), logger: context.logger,
            metrics: ClientMetrics(context.metrics), tracer: context.tracer)
        inventory = InventoryDirectory(
            upstream: UpstreamClient(
                name: "inventory", client: client, baseURL: configuration.inventoryURL))
    }

    package static func compose(_ context: ServiceContext) throws -> Composition {
        try CartApplication(context).composition
    }

    package var composition: Composition {
        Composition(
            api: api, operations: operations, apiPort: configuration.apiPort,
            operationsPort: configuration.operationsPort,
            apiPortKey: CartConfiguration.apiPortKey,
            operationsPortKey: CartConfiguration.operationsPortSetting.key,
            foundations: foundations, services: services, prepare: durable.prepare)
    }

    private var api: Router {
        var router = Router()
        for layer in standardMiddleware(context) { router.use(layer) }
        router.reportErrors(report)
        CartRoutes(
            store: store, cache: cache, inventory: inventory, limits: configuration.limits,
            random: context.random
        ).register(on: &router)
        return router
    }

    private var operations: Router {
        var router = Router()
        router.reportErrors(report)
        let audit = AuditRoute(
            service: context.name, pool: durable.pool, tables: Self.auditTables)
        router.on(.get, "/internal/audit", audit.handler)
        DeadLetterRoutes(durable.messaging.desk).register(on: &router)
        return router
    }

    package static let auditTables: [AuditRoute.Table] = [
        .whole("carts", orderedBy: "cart_id"),
        .whole("cart_lines", orderedBy: "cart_id, sku"),
        .whole("cart_settlements", orderedBy: "order_id"),
    ]

    private func report(_ error: any Error, _ request: Request) {
        context.logger.error(
            "request failed",
            [
                "error": .init(describing: error),
                "route": .string(request.context.routePattern ?? ""),
                "request_id": .string(request.context.requestID),
            ])
    }

    private var foundations: [any LongRunning] {
        let redis = redis
        return durable.foundations + [LongRunningTask("redis") { try await redis.run() }]
    }

    private var services: [any LongRunning] {
        let eraser = eraser
        let events = durable.messaging.consumer(
            of: Topics.orderEvents,
            handler: OrderEventHandler(metrics: context.metrics, changed: { eraser.erase($0) }))
        return durable.tasks(consumers: [events]) + [eraser]
    }
}
