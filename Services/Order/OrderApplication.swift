import Basics
import Contracts
import DurableService
import HTTP
import HTTPClient
import Messaging
package import Postgres
import Saga
package import ServiceKit
import Sockets

/// Order: takes orders and drives each through its saga. This file is the table of contents.
package struct OrderApplication: Sendable {
    private let durable: DurableService
    private let configuration: OrderConfiguration
    private let signals: TimelineSignals
    private let driver: CheckoutDriver
    private let client: Client

    package init(_ context: ServiceContext) throws {
        configuration = try OrderConfiguration.read(context.environment)
        durable = try DurableService(
            context, migrations: Self.migrations,
            refill: Self.refill(wakeSpread: configuration.wakeSpread))
        let signals = TimelineSignals(limits: configuration.streams)
        self.signals = signals
        driver = CheckoutDriver(
            policy: configuration.policy, outbox: durable.messaging.outbox, logger: context.logger,
            metrics: context.metrics, random: context.random, tracer: context.tracer,
            changed: { signals.changed($0) })
        client = Client(
            loop: context.loop, configuration: ClientConfiguration(), logger: context.logger,
            metrics: ClientMetrics(context.metrics), tracer: context.tracer)
    }

    package var composition: Composition {
        let durable = durable
        return Composition(
            api: api, operations: operations, apiPort: configuration.port,
            operationsPort: configuration.operationsPort, apiPortKey: "MERCATO_PORT_ORDER",
            operationsPortKey: OrderConfiguration.operationsPortSetting.key, foundations: durable.foundations,
            services: services, prepare: { try await durable.prepare() })
    }

    private var api: Router {
        let context = durable.context
        func upstream(_ name: String, _ url: String) -> UpstreamClient {
            UpstreamClient(name: name, client: client, baseURL: url)
        }
        let place = PlaceOrder(
            pool: durable.pool, driver: driver, outbox: durable.messaging.outbox,
            catalogue: CartAndPrices(
                cart: upstream("cart", configuration.cartURL),
                inventory: upstream("inventory", configuration.inventoryURL)),
            random: context.random, twinWait: configuration.twinWait, metrics: context.metrics)
        let view = OrderView(pool: durable.pool)
        let stream = OrderStream(
            view: view, signals: signals, loop: context.loop, limits: configuration.streams)
        var router = Router()
        for layer in standardMiddleware(context) { router.use(layer) }
        router.reportErrors(durable.reportError)
        router.on(.post, "/v1/orders", bodyLimit: PlaceOrder.bodyMax) { try await place.handle($0) }
        router.on(.get, "/v1/orders") { try await view.list($0) }
        router.on(.get, "/v1/orders/{id}") { try await view.get($0) }
        router.on(.get, "/v1/orders/{id}/events") { try await stream.handle($0) }
        return router
    }

    private var operations: Router {
        var router = Router()
        let audit = AuditRoute(
            service: "order", pool: durable.pool,
            tables: [
                // All of it but the card token.
                .init(
                    "orders",
                    """
                    SELECT order_id, customer_id, client_request_id, cart_id, cart_version, total_minor,
                        currency, lines_hash, created_at FROM orders ORDER BY order_id
                    """),
                .whole("order_lines", orderedBy: "order_id, sku"),
                .whole("saga_instances", orderedBy: "order_id, saga_type"),
                .whole("saga_log", orderedBy: "order_id, saga_type, seq"),
                .whole("saga_steps", orderedBy: "order_id, saga_type, step"),
                .whole("saga_edges", orderedBy: "saga_type, from_state, to_state"),
                .init(
                    "idempotency_keys",
                    "SELECT principal, key, order_id, status_code FROM idempotency_keys ORDER BY 1, 2"
                ),
            ])
        router.on(.get, "/internal/audit", audit.handler)
        DeadLetterRoutes(durable.messaging.desk).register(on: &router)
        return router
    }

    private var services: [any LongRunning] {
        let (driver, pool) = (driver, durable.pool)
        let replies = durable.messaging.consumer(
            of: Topics.orderReplies, handler: CheckoutReplies(driver: driver))
        let timers = SagaTimers(
            type: CheckoutSaga.type, pool: pool, loop: durable.context.loop,
            logger: durable.context.logger, interval: configuration.scanInterval,
            backoff: configuration.failureBackoff
        ) { orderID in
            let mayJudge = await replies.hasCaughtUp
            return try await pool.transaction(.init("saga timer")) {
                try await driver.tick(orderID, mayJudgeBudget: mayJudge, in: $0)
            }
        }
        let census = SagaCensus(
            type: CheckoutSaga.type,
            states: CheckoutState.allCases.filter { !$0.isTerminal }.map(\.rawValue), pool: pool,
            loop: durable.context.loop, logger: durable.context.logger,
            metrics: durable.context.metrics)
        let timelines = TimelinePoller(
            pool: pool, signals: signals, loop: durable.context.loop,
            logger: durable.context.logger, interval: configuration.streams.pollInterval)
        return durable.tasks(consumers: [replies])
            + [
                LongRunningTask("saga-timers") { try await timers.run() },
                LongRunningTask("saga-census") { try await census.run() }, timelines,
            ]
    }

    /// In the order they are applied; Messaging's come first.
    package static var migrations: [Migration] {
        SagaStore.migrations
            + [
                Migration(name: "m0101_orders", bytes: PackageResources.m0101_orders_sql),
                Migration(
                    name: "m0102_outbox_events", bytes: PackageResources.m0102_outbox_events_sql),
            ]
    }

    /// Events that one run of the first refill statement publishes again at most.
    package static let refillMax = 5_000

    /// After a broker loss: every event of the kept days goes out again, and every open saga asks
    /// its participants again, spread over `wakeSpread` (D9).
    ///
    /// Each statement does a bounded part, so that days of events fit into `statement_timeout`, and
    /// is run until it affects no row: what was published within the newest epoch is left alone.
    package static func refill(wakeSpread: Duration) -> [Statement] {
        [
            // The topic is part of the text, so that the planner can use the partial index on it.
            Statement(
                """
                UPDATE outbox SET published_at = NULL WHERE message_id IN (
                    SELECT message_id FROM outbox
                    WHERE topic = '\(Topics.orderEvents.name)'
                        AND published_at < (SELECT max(first_seen) FROM broker_epochs)
                    ORDER BY published_at LIMIT $1 FOR UPDATE)
                """, [.integer(Int64(refillMax))]),
            SagaStore.wakeAll(within: wakeSpread),
        ]
    }
}
