import Basics
import Configuration
import Contracts
import HTTP
import HTTPClient
import HTTPServer
import Messaging
import Postgres
import ServiceKit
import Sockets
import Support
import Telemetry

@testable import PaymentProviderService
@testable import PaymentService

/// Payment on a real PostgreSQL and the provider simulator behind a real HTTP server, without a
/// broker: commands are given to the handler, replies are read from the outbox.
final class PaymentFixture: Sendable {
    let loop: EventLoop
    let context: ServiceContext
    let database: ScratchDatabase
    let pool: Pool
    let configuration: PaymentConfiguration
    let desk: ProviderDesk
    let providerPort: Int
    private let server: Server

    /// Short times, so that time-outs and back-offs happen within a test.
    static let settings: [String: String] = [
        "MERCATO_PROVIDER_TIMEOUT_MS": "300", "MERCATO_PROVIDER_HOLD_MS": "1500",
        "MERCATO_PAYMENT_LEASE_MS": "400", "MERCATO_PAYMENT_LEASE_RENEWAL_MS": "100",
        "MERCATO_PAYMENT_SCAN_MS": "50", "MERCATO_PAYMENT_RETRY_MS": "20",
        "MERCATO_PAYMENT_RETRY_CAP_MS": "100",
    ]

    private init(
        loop: EventLoop, context: ServiceContext, database: ScratchDatabase, pool: Pool,
        configuration: PaymentConfiguration, desk: ProviderDesk, server: Server, providerPort: Int
    ) {
        self.database = database
        self.loop = loop
        self.context = context
        self.pool = pool
        self.configuration = configuration
        self.desk = desk
        self.server = server
        self.providerPort = providerPort
    }

    /// Builds everything on a loop of its own, runs `body` there, and takes everything down.
    static func run(_ body: @escaping @Sendable (PaymentFixture) async throws -> Void) async throws {
        let journal = try ScratchFolder.make("journal") + "/journal.jsonl"
        try await TestLoop.run { loop in
            let fixture = try await make(loop: loop, journal: journal)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await fixture.server.run() }
                try await body(fixture)
                group.cancelAll()
            }
            await fixture.pool.close()
        }
    }

    private static func make(loop: EventLoop, journal: String) async throws -> PaymentFixture {
        let database = try await ScratchPostgres.shared.database("payment")
        var values = settings
        values["MERCATO_PROVIDER_JOURNAL"] = journal
        let context = ServiceContext(
            name: "payment", loop: loop,
            logger: QuietLog.logger("payment"), metrics: QuietLog.metrics(),
            environment: EnvironmentReader(values))
        let configuration = try PaymentConfiguration(context.environment)
        try await Migrator.migrate(
            ownerConnection: database.ownerConninfo,
            migrations: ServiceMessaging.migrations + PaymentApplication.migrations, loop: loop,
            logger: context.logger)
        let pool = Pool(
            configuration: PoolConfiguration(conninfo: database.appConninfo), loop: loop,
            logger: context.logger, metrics: context.metrics)

        let desk = try ProviderApplication.open(
            try ProviderConfiguration(context.environment), context)
        var router = Router()
        MoneyRoutes(desk: desk).add(to: &router)
        QueryRoute(desk: desk).add(to: &router)
        let server = Server(
            configuration: ServerConfiguration(host: "127.0.0.1", port: 0, name: "provider"),
            router: router, loop: loop, logger: context.logger, metrics: context.metrics)
        let port = try await server.start()
        return PaymentFixture(
            loop: loop, context: context, database: database, pool: pool,
            configuration: configuration, desk: desk, server: server, providerPort: port)
    }

    /// The provider over HTTP, with a connection pool of its own.
    func provider() -> ProviderClient {
        ProviderClient(
            client: Client(
                loop: loop, configuration: ClientConfiguration(), logger: context.logger),
            baseURL: "http://127.0.0.1:\(providerPort)", timeout: configuration.providerTimeout)
    }

    /// The service's parts, wired as in the process; each call is a "process" with its own leases.
    func parts(failpoints: Failpoints? = nil, provider: (any PaymentCompany)? = nil)
        -> PaymentParts
    {
        PaymentParts(
            configuration, pool: pool, outbox: Outbox(wake: {}),
            failpoints: failpoints ?? Failpoints(logger: context.logger),
            provider: provider ?? self.provider(), context)
    }

    /// Runs `body` beside a running operation runner, which is cancelled afterwards.
    func withRunner(
        _ parts: PaymentParts, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    try await parts.runner.run()
                } catch is CancellationError {
                    // Ignored: it is how the test's body ends the runner.
                }
            }
            try await body()
            group.cancelAll()
        }
    }
}

// MARK: What tests send and read

extension PaymentFixture {
    /// An order under test, with the commands that Order would send for it.
    struct Checkout: Sendable {
        let order = OrderID.make()
        let customer = CustomerID.make()
        var card = "tok_ok"
        var total = Money(minor: 1200, currency: .eur)

        func authorize() throws -> IncomingMessage {
            try message(
                PaymentCommands.Authorize(total: total, cardToken: card, customerID: customer),
                sequence: 2)
        }

        func capture() throws -> IncomingMessage {
            try message(PaymentCommands.Capture(), sequence: 4)
        }

        func void() throws -> IncomingMessage { try message(PaymentCommands.Void(), sequence: 5) }

        /// Each call has a new message id, as each re-send of Order has.
        func message<C: CommandPayload>(_ payload: C, sequence: Int64) throws -> IncomingMessage {
            IncomingMessage(
                envelope: Envelope(
                    messageID: .v7(), type: C.type, orderID: order, step: C.step,
                    stepSequence: sequence, causationID: .v7()),
                payload: try PayloadCoding.encode(payload))
        }
    }

    /// Gives a command to the handler as the consumer does: in one transaction.
    func deliver(_ message: IncomingMessage, to parts: PaymentParts) async throws {
        try await pool.transaction { try await parts.handler.handle(message, in: $0) }
    }

    /// Types of the replies in the outbox, in order.
    func replies(_ order: OrderID) async throws -> [String] {
        try await texts(
            "SELECT type AS text FROM outbox WHERE msg_key = convert_to($1, 'UTF8') ORDER BY seq",
            order)
    }

    /// Each operation as "AUTH:1 OK".
    func operations(_ order: OrderID) async throws -> [String] {
        try await texts(
            """
            SELECT kind || ':' || attempt || ' ' || state AS text FROM payment_ops
            WHERE order_id = $1::uuid ORDER BY intent_at, kind, attempt
            """, order)
    }

    /// Codes of the ledger, in order of writing.
    func transfers(_ order: OrderID) async throws -> [String] {
        try await texts(
            """
            SELECT code AS text FROM ledger_transfers WHERE order_id = $1::uuid
            ORDER BY at, code DESC
            """, order)
    }

    func status(_ order: OrderID) async throws -> String? {
        try await texts(
            "SELECT status AS text FROM payments WHERE order_id = $1::uuid", order
        ).first
    }

    func texts(_ sql: String, _ order: OrderID) async throws -> [String] {
        try await pool.query(Statement(sql, [.text(order.description)])).map { try $0.text("text") }
    }

    /// The provider's journal of one order as "authorize approved".
    func journal(_ order: OrderID) async -> [String] {
        await desk.journal.filter { $0.merchantReference == order.description }
            .map { "\($0.kind) \($0.outcome)" }
    }

    func waitForStatus(_ wanted: String, _ order: OrderID) async throws {
        try await eventually("status \(wanted)", within: .seconds(20)) {
            try await self.status(order) == wanted
        }
    }

    func waitForReply(_ type: String, _ order: OrderID) async throws {
        try await eventually("reply \(type)", within: .seconds(20)) {
            try await self.replies(order).contains(type)
        }
    }
}
