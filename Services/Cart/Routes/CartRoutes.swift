package import Basics
package import HTTP

/// `/v1/carts`: what a customer does with the one cart they have.
package struct CartRoutes: Sendable {
    /// Limits of one cart and of one request to Inventory.
    package struct Limits: Sendable {
        package var linesMax = 50
        /// Adding an article waits this long for Inventory to say that it exists.
        package var checkTimeout: Duration = .seconds(1)
        /// Showing a cart waits this long for names and prices, then does without.
        package var namesTimeout: Duration = .milliseconds(300)

        package init() {}
    }

    /// The longest body of a line in bytes: it holds one number.
    package static let lineBodyMax = 1_024

    private let store: CartStore
    private let cache: CartCache
    private let inventory: InventoryDirectory
    private let limits: Limits
    private let random: RandomSource

    package init(
        store: CartStore, cache: CartCache, inventory: InventoryDirectory, limits: Limits,
        random: RandomSource = .system
    ) {
        self.store = store
        self.cache = cache
        self.inventory = inventory
        self.limits = limits
        self.random = random
    }

    package func register(on router: inout Router) {
        router.on(.post, "/v1/carts", answering { try await open($0) })
        router.on(.get, "/v1/carts/{id}", answering { try await show($0) })
        router.on(
            .put, "/v1/carts/{id}/lines/{sku}", bodyLimit: Self.lineBodyMax,
            answering { try await putLine($0) })
        router.on(.delete, "/v1/carts/{id}/lines/{sku}", answering { try await deleteLine($0) })
        router.on(.get, "/internal/carts/{id}", answering { try await showToServices($0) })
    }

    // MARK: Handlers

    private func open(_ request: Request) async throws -> Response {
        let customer = try request.customer()
        let (cart, isNew) = try await store.open(
            for: customer, newID: .make(using: random))
        var response = try Response.json(
            isNew ? 201 : 200, await view(of: cart, for: request.context))
        response.headers["location"] = "/v1/carts/\(cart.id)"
        return response
    }

    private func show(_ request: Request) async throws -> Response {
        let (customer, id) = (try request.customer(), try request.cartID())
        if let cached = await cache.find(id) {
            guard cached.customer == customer else { throw notFound }
            return try .json(200, cached)
        }
        let lease = await cache.lease(id)
        guard let cart = try await store.find(id), cart.customer == customer else {
            throw notFound
        }
        let view = await view(of: cart, for: request.context)
        if view.isComplete { await cache.store(view, under: lease) }
        return try .json(200, view)
    }

    private struct LineBody: Decodable {
        let quantity: WrittenQuantity
    }

    private func putLine(_ request: Request) async throws -> Response {
        let (customer, id) = (try request.customer(), try request.cartID())
        let quantity = try request.decodeJSON(LineBody.self).quantity.pieces()
        guard let sku = request.context.parameters["sku"].flatMap({ SKU($0) }) else {
            throw CartError(.unknownSKU, "There is no such product.")
        }
        guard let before = try await store.find(id), before.customer == customer else {
            throw notFound
        }
        // Before the transaction, never inside it (D18): nobody waits for Inventory with a lock.
        if before.quantity(of: sku) == nil {
            let known = try await inventory.articles(
                [sku], within: limits.checkTimeout, for: request.context)
            guard known[sku] != nil else {
                throw CartError(.unknownSKU, "There is no product \(sku).")
            }
        }
        let linesMax = limits.linesMax
        let cart = try await store.change(id, of: customer) { cart in
            try cart.put(sku, quantity: quantity, linesMax: linesMax)
        }
        await cache.forget(id)
        return try .json(200, await view(of: cart, for: request.context))
    }

    private func deleteLine(_ request: Request) async throws -> Response {
        let (customer, id) = (try request.customer(), try request.cartID())
        // A name that is no SKU is in no cart, and then there is nothing to remove.
        let sku = request.context.parameters["sku"].flatMap { SKU($0) }
        let cart = try await store.change(id, of: customer) { cart in
            sku.map { cart.remove($0) } ?? []
        }
        await cache.forget(id)
        return try .json(200, await view(of: cart, for: request.context))
    }

    private struct InternalCart: Encodable {
        struct Line: Encodable {
            let sku: SKU
            let quantity: Int
        }
        let id: CartID
        let customerID: CustomerID
        let version: Int64
        let lines: [Line]

        enum CodingKeys: String, CodingKey {
            case id
            case customerID = "customer_id"
            case version, lines
        }
    }

    /// For Order: contents and version as PostgreSQL has them now. No cache (invariant 36).
    private func showToServices(_ request: Request) async throws -> Response {
        let (customer, id) = (try request.customer(), try request.cartID())
        guard let cart = try await store.find(id), cart.customer == customer else {
            throw notFound
        }
        return try .json(
            200,
            InternalCart(
                id: cart.id, customerID: cart.customer, version: cart.version,
                lines: cart.lines.map { .init(sku: $0.sku, quantity: $0.quantity) }))
    }

    // MARK: Parts

    /// Another customer's cart looks like one that does not exist.
    private var notFound: CartError {
        CartError(.cartNotFound, "This customer has no such cart.")
    }

    /// Names and prices are a courtesy: without them the cart is shown as it is.
    private func view(of cart: Cart, for context: RequestContext) async -> CartView {
        let articles: [SKU: CartView.Article]
        do {
            articles = try await inventory.articles(
                cart.lines.map(\.sku), within: limits.namesTimeout, for: context)
        } catch {
            // Ignored: the customer's cart matters more than the names in it; the client logs.
            articles = [:]
        }
        return CartView(cart, articles: articles)
    }
}

extension Request {
    /// The customer that the gateway vouches for.
    fileprivate func customer() throws -> CustomerID {
        guard let customer = context.customer.flatMap({ CustomerID($0) }) else {
            throw Problem.unauthorized("The request names no customer.")
        }
        return customer
    }

    fileprivate func cartID() throws -> CartID {
        guard let id = context.parameters["id"].flatMap({ CartID($0) }) else {
            throw CartError(.cartNotFound, "This customer has no such cart.")
        }
        return id
    }
}
