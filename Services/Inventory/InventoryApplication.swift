import Contracts
package import DurableService
import HTTP
import Messaging
import Postgres
import Redis
package import ServiceKit
import Telemetry

/// The composition root: what Inventory is built of. Read it as the table of contents.
package struct InventoryApplication: Sendable {
    private let context: ServiceContext
    private let configuration: InventoryConfiguration
    private let durable: DurableService
    private let redis: RedisClient
    private let reservations: ReservationStore
    private let products: ProductStore
    private let cache: ProductCache

    package init(_ context: ServiceContext) throws {
        self.context = context
        configuration = try InventoryConfiguration(context.environment)
        durable = try DurableService(context, migrations: InventorySchema.migrations)
        redis = RedisClient(
            configuration: configuration.redis, loop: context.loop, logger: context.logger,
            metrics: context.metrics)
        reservations = ReservationStore(outbox: durable.messaging.outbox)
        products = ProductStore(pool: durable.pool)
        cache = ProductCache(
            redis: redis, freshFor: configuration.productFresh,
            keptFor: configuration.productStale, loadLimit: configuration.productLoad,
            metrics: context.metrics)
    }

    package static func compose(_ context: ServiceContext) throws -> Composition {
        try InventoryApplication(context).composition
    }

    package var composition: Composition {
        Composition(
            api: api, operations: operations, apiPort: configuration.apiPort,
            operationsPort: configuration.operationsPort,
            apiPortKey: InventoryConfiguration.apiPortKey,
            operationsPortKey: InventoryConfiguration.operationsPortSetting.key,
            foundations: foundations, services: services, prepare: durable.prepare)
    }

    private var api: Router {
        var router = Router()
        for layer in standardMiddleware(context) { router.use(layer) }
        router.reportErrors(report)
        ProductRoutes(store: products, cache: cache).register(on: &router)
        return router
    }

    private var operations: Router {
        var router = Router()
        router.reportErrors(report)
        StockRoutes(
            products: products, receipts: ReceiptStore(pool: durable.pool), cache: cache
        ).register(on: &router)
        let audit = AuditRoute(
            service: context.name, pool: durable.pool, tables: Self.auditTables)
        router.on(.get, "/internal/audit", audit.handler)
        DeadLetterRoutes(durable.messaging.desk).register(on: &router)
        return router
    }

    /// Invariants 11–16, 21, 32 and 35 are judged from these.
    package static let auditTables: [AuditRoute.Table] = [
        .whole("products", orderedBy: "sku"),
        .whole("stock", orderedBy: "sku"),
        .whole("stock_moves", orderedBy: "sku, seq"),
        .whole("reservations", orderedBy: "order_id"),
        .whole("reservation_log", orderedBy: "order_id, seq"),
        .whole("reservation_lines", orderedBy: "order_id, sku"),
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
        let commands = durable.messaging.consumer(
            of: Topics.inventoryCommands,
            handler: InventoryCommandHandler(
                store: reservations, metrics: context.metrics, random: context.random))
        let expiry = ReservationExpiry(
            pool: durable.pool, store: reservations, loop: context.loop, logger: context.logger,
            metrics: context.metrics, scanInterval: configuration.reservationScan,
            random: context.random, tracer: context.tracer)
        return durable.tasks(consumers: [commands]) + [expiry]
    }
}
