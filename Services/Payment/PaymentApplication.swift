import Basics
import Configuration
import Contracts
import DurableService
import HTTP
import HTTPClient
import Messaging
import Postgres
import Resilience
package import ServiceKit
import Sockets
import Telemetry

/// The payment service: composition root and table of contents.
///
/// - API: GET /v1/payments/{order}
/// - Operations port: GET /internal/audit, PUT and GET /internal/failpoints
/// - Consumes payment.commands.v1; produces order.replies.v1 through the outbox
/// - Runs, besides the frame's parts: the command consumer and the operation runner
package enum PaymentApplication {
    package static let name = "payment"
    /// Where probes, metrics and operators ask.
    package static let operationsPort = PaymentConfiguration.operationsPortSetting

    package static func compose(_ context: ServiceContext) throws -> Composition {
        let configuration = try PaymentConfiguration(context.environment)
        let failpoints = Failpoints(logger: context.logger)
        do {
            try failpoints.arm(configuration.failpoints)
        } catch {
            throw ConfigurationError(
                .malformed, key: "MERCATO_FAILPOINTS", String(describing: error))
        }
        let frame = try DurableService(context, migrations: migrations)
        let parts = PaymentParts(
            configuration, pool: frame.pool, outbox: frame.messaging.outbox,
            failpoints: failpoints, provider: provider(configuration, context), context)
        let consumer = frame.messaging.consumer(
            of: Topics.paymentCommands, handler: parts.handler)

        var api = Router()
        api.reportErrors(frame.reportError)
        for middleware in standardMiddleware(context) { api.use(middleware) }
        GetPayment(payments: parts.payments, pool: frame.pool).add(to: &api)

        var operations = Router()
        operations.reportErrors(frame.reportError)
        DeadLetterRoutes(frame.messaging.desk).register(on: &operations)
        operations.on(
            .get, "/internal/audit",
            AuditRoute(service: name, pool: frame.pool, tables: auditTables).handler)
        FailpointRoutes(failpoints: failpoints).add(to: &operations)

        return Composition(
            api: api, operations: operations, apiPort: configuration.apiPort,
            operationsPort: configuration.operationsPort,
            apiPortKey: PaymentConfiguration.apiPortKey,
            operationsPortKey: PaymentConfiguration.operationsPortSetting.key,
            foundations: frame.foundations,
            services: frame.tasks(consumers: [consumer]) + [parts.runner],
            prepare: { try await frame.prepare() })
    }

    static var migrations: [Migration] {
        [
            Migration(
                name: "m0101_create_payments", bytes: PackageResources.m0101_create_payments_sql),
            Migration(
                name: "m0102_create_payment_ops",
                bytes: PackageResources.m0102_create_payment_ops_sql),
            Migration(
                name: "m0103_create_ledger", bytes: PackageResources.m0103_create_ledger_sql),
        ]
    }

    /// Every table that an invariant is checked on. The body of a request holds the card token, so
    /// that one column stays here.
    static let auditTables = [
        AuditRoute.Table.whole("payments", orderedBy: "order_id"),
        AuditRoute.Table(
            "payment_ops",
            """
            SELECT op_id, order_id, kind, attempt, provider_key, request_hash, state, provider_ref,
                reason, fence_evidence, command_id, cause_message_id, step, step_seq, intent_at,
                first_sent_at, settled_at, next_attempt_at, lease_until, tries, server_errors,
                pending_since, last_error
            FROM payment_ops ORDER BY order_id, kind, attempt
            """),
        .whole("ledger_transfers", orderedBy: "at, id"),
        .whole("accounts", orderedBy: "account_id"),
    ]

    private static func provider(
        _ configuration: PaymentConfiguration, _ context: ServiceContext
    ) -> ProviderClient {
        var limits = ClientConfiguration()
        limits.requestTimeout = configuration.providerTimeout
        limits.maxConnectionsPerOrigin = configuration.concurrency
        let client = Client(
            loop: context.loop, configuration: limits, logger: context.logger,
            metrics: ClientMetrics(context.metrics), tracer: context.tracer)
        client.metrics?.name(configuration.providerURL, as: "provider")
        return ProviderClient(
            client: client,
            baseURL: configuration.providerURL, timeout: configuration.providerTimeout)
    }
}

/// The parts around an order's money, wired together; tests wire the same ones without a broker.
struct PaymentParts: Sendable {
    let payments = PaymentStore()
    let handler: PaymentCommandHandler
    let runner: OperationRunner

    init(
        _ configuration: PaymentConfiguration, pool: Pool, outbox: Outbox, failpoints: Failpoints,
        provider: any PaymentCompany, _ context: ServiceContext
    ) {
        let signal = AsyncSignal()
        let backoff = Backoff(base: configuration.retryBase, cap: configuration.retryCap)
        handler = PaymentCommandHandler(
            payments: payments, outbox: outbox, random: context.random,
            wakeRunner: { signal.raise() })
        runner = OperationRunner(
            settings: OperationRunner.Settings(
                concurrency: configuration.concurrency, renewal: configuration.leaseRenewal,
                scan: configuration.scan, backoff: backoff,
                keyTimeToLive: configuration.keyTimeToLive),
            operations: OperationStore(
                pool: pool, owner: .v7(using: context.random), lease: configuration.lease),
            settler: OperationSettler(
                pool: pool, payments: payments, outbox: outbox, random: context.random,
                backoff: backoff, wakeRunner: { signal.raise() }),
            provider: provider, failpoints: failpoints, signal: signal, random: context.random,
            loop: context.loop, logger: context.logger, metrics: context.metrics,
            tracer: context.tracer)
    }
}
