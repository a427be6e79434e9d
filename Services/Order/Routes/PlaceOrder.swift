import Basics
import Crypto
import HTTP
import Messaging
import Postgres
import ServiceKit
import Telemetry

/// `POST /v1/orders`: key, cart and prices, then one transaction (D14).
struct PlaceOrder: Sendable {
    /// The largest request body, in bytes.
    static let bodyMax = 4_096

    let pool: Pool
    let driver: CheckoutDriver
    let outbox: Outbox
    let catalogue: CartAndPrices
    let random: RandomSource
    /// How long a request waits for a twin with the same new key (architecture.md §2).
    let twinWait: Duration
    private let keys: CounterFamily<KeyOutcome>

    init(
        pool: Pool, driver: CheckoutDriver, outbox: Outbox, catalogue: CartAndPrices,
        random: RandomSource, twinWait: Duration, metrics: MetricsRegistry
    ) {
        self.pool = pool
        self.driver = driver
        self.outbox = outbox
        self.catalogue = catalogue
        self.random = random
        self.twinWait = twinWait
        keys = CounterFamily(
            metrics, "idempotency_keys_total",
            help: "Requests by what their Idempotency-Key turned out to be.",
            from: KeyOutcome.allCases
        ) { ["outcome": $0.rawValue] }
    }

    struct Body: Codable, Sendable {
        let cartID: CartID
        let cardToken: String
        /// When given, the cart must still be this version: what the customer saw is what is bought.
        let cartVersion: Int64?

        enum CodingKeys: String, CodingKey {
            case cartID = "cart_id"
            case cardToken = "card_token"
            case cartVersion = "cart_version"
        }
    }

    func handle(_ request: Request) async throws -> Response {
        let customer = try Caller.customer(of: request)
        let key = try IdempotencyKey.read(request)
        let hash = IdempotencyKey.hash(of: request)
        // First of all the key: a replay touches nothing else, not even the cart.
        if let replay = try await replay(key, customer, hash) { return replay }
        do {
            let body: Body = try request.decodeJSON(Body.self)
            try Self.check(body)
            let order = try await price(body, for: customer, request.context)
            Span.current?.set("mercato.order_id", .string("\(order.id)"))
            return try await driver.inTransition(
                of: order.id, from: "NEW", to: CheckoutState.reserving.rawValue
            ) {
                try await commit(order, key, hash, request.context)
            }
        } catch let refusal as Problem where refusal.status < 500 {
            // The twin may have been faster, and emptied the cart: its answer is the truth.
            if let replay = try await replay(key, customer, hash) { return replay }
            throw refusal
        }
    }

    private static func check(_ body: Body) throws(Problem) {
        let token = body.cardToken.utf8
        guard !token.isEmpty, token.count <= 64, token.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw .invalidField("/card_token", "must be 1 to 64 printable ASCII characters")
        }
    }

    private func replay(_ key: IdempotencyKey, _ customer: CustomerID, _ hash: String) async throws
        -> Response?
    {
        guard let row = try await pool.query(
            StoredAnswer.find(key, of: customer), as: "find idempotency key"
        ).first else {
            return nil
        }
        let stored = try StoredAnswer(row: row)
        count(stored.requestHash == hash ? .replayed : .reused)
        return try stored.response(to: hash, isReplay: true)
    }

    /// What a request's key turned out to be.
    private enum KeyOutcome: String, CaseIterable {
        case new, replayed, reused
        case inProgress = "in_progress"
    }

    private func count(_ outcome: KeyOutcome) { keys[outcome].increment() }

    /// Reads the cart, then its prices, both from the owners' databases and outside any transaction.
    private func price(_ body: Body, for customer: CustomerID, _ context: RequestContext)
        async throws -> Order
    {
        let cart = try await catalogue.cart(body.cartID, for: context)
        if let wanted = body.cartVersion, wanted != cart.version {
            throw Problem.conflict(
                "cart_version_stale",
                "The cart has changed (version \(cart.version), not \(wanted)); look at it again.")
        }
        guard !cart.lines.isEmpty else {
            throw Problem.unprocessable("cart_empty", "The cart has no lines.")
        }
        let lines = try await catalogue.priced(cart.lines, for: context)
        do {
            return try Order.place(
                id: .make(using: random), customerID: customer, cartID: body.cartID,
                cartVersion: cart.version, lines: lines, cardToken: body.cardToken)
        } catch {
            switch error {
            case .cartEmpty: throw Problem.unprocessable("cart_empty", "The cart has no lines.")
            case .mixedCurrencies:
                throw Problem.unprocessable("mixed_currencies", "The lines have two currencies.")
            case .totalOutOfRange:
                throw Problem.unprocessable(
                    "total_out_of_range", "The total must be more than zero and not too large.")
            }
        }
    }

    /// Key, order, saga and first command: one transaction, one round trip before its COMMIT.
    private func commit(
        _ order: Order, _ key: IdempotencyKey, _ hash: String, _ context: RequestContext
    ) async throws -> Response {
        let answer = StoredAnswer(
            requestHash: hash, orderID: order.id, status: 202,
            body: try JSONCoding.encode(OrderJSON.Placed(order)))
        let statements =
            [answer.insert(key, of: order.customerID)]
            + OrderStore.insert(
                order, clientRequestID: key.text, linesHash: CheckoutCommands.hash(of: order))
            + (try driver.begin(order, cause: order.id.value, traceparent: context.traceparent))
        do {
            try await pool.transaction(TransactionOptions("place order", lockTimeout: twinWait)) {
                _ = try await $0.pipeline(statements)
                outbox.wakeAfter($0)
            }
        } catch let error as PostgresError {
            return try await explain(error, order, key, hash)
        }
        count(.new)
        return try answer.response(to: hash, isReplay: false)
    }

    private func explain(
        _ error: PostgresError, _ order: Order, _ key: IdempotencyKey, _ hash: String
    ) async throws -> Response {
        if error.sqlState == "55P03" {
            // Behind the same key, or behind another key's order of the same cart version: either
            // way somebody else's transaction decides, and a second try will see how.
            count(.inProgress)
            throw Problem(
                status: 409, code: "idempotency_in_progress", title: "Conflict",
                detail:
                    "A request with this Idempotency-Key, or for this cart, is being worked on.",
                headers: ["retry-after": "1"])
        }
        // Also after a COMMIT without an answer: what the table says happened.
        if error.isUniqueViolation() || error.code == .commitUnknown,
            let replay = try await replay(key, order.customerID, hash)
        {
            return replay
        }
        guard error.isUniqueViolation(of: "orders_cart_id_cart_version_key") else { throw error }
        let ordered = try await pool.query(
            OrderStore.ordered(order.cartID, version: order.cartVersion), as: "find order of cart")
        guard let row = ordered.first else { throw error }
        let (id, view) = (OrderID(try row.id("order_id")), try OrderView.status(row))
        throw Problem(
            status: 409, code: "cart_already_ordered", title: "Conflict",
            detail: "Version \(order.cartVersion) of this cart was ordered already.",
            extensions: [
                "order": .string("/v1/orders/\(id)"), "order_status": .string(view.status),
            ])
    }
}

/// Who asks, as the gateway established.
enum Caller {
    static func customer(of request: Request) throws(Problem) -> CustomerID {
        guard let text = request.context.customer, let customer = CustomerID(text) else {
            throw .unauthorized("No customer: requests reach this service through the gateway.")
        }
        return customer
    }
}
