import HTTP

/// The public routes: what the outside can reach, and nothing else (JW-3).
struct PublicRoute: Sendable {
    enum Access: Sendable {
        /// Without a token; one that is given is still honoured.
        case everybody
        /// 401 without a customer.
        case customer
    }

    enum Kind: Sendable {
        case call
        /// An answer without a foreseeable end: its deadline holds up to the head, and it takes
        /// its connection from a pool of its own, so streams cannot starve calls (BH-1).
        case stream
    }

    let method: Method
    let pattern: String
    let upstream: KnownService
    let access: Access
    let kind: Kind

    /// The longest body that is forwarded, in bytes: what may be kept for a repetition (RT-7).
    static let bodyLimit = 64 * 1024

    init(
        _ method: Method, _ pattern: String, to upstream: KnownService,
        for access: Access = .customer, _ kind: Kind = .call
    ) {
        self.method = method
        self.pattern = pattern
        self.upstream = upstream
        self.access = access
        self.kind = kind
    }

    static let all: [PublicRoute] = [
        .init(.get, "/v1/products", to: .inventory, for: .everybody),
        .init(.get, "/v1/products/{sku}", to: .inventory, for: .everybody),
        .init(.post, "/v1/carts", to: .cart),
        .init(.get, "/v1/carts/{id}", to: .cart),
        .init(.put, "/v1/carts/{id}/lines/{sku}", to: .cart),
        .init(.delete, "/v1/carts/{id}/lines/{sku}", to: .cart),
        .init(.post, "/v1/orders", to: .order),
        .init(.get, "/v1/orders", to: .order),
        .init(.get, "/v1/orders/{id}", to: .order),
        .init(.get, "/v1/orders/{id}/events", to: .order, for: .customer, .stream),
        .init(.get, "/v1/payments/{order}", to: .payment),
    ]

    /// The patterns that demand a customer, whatever the method.
    static let customerPatterns = Set(all.filter { $0.access == .customer }.map(\.pattern))
}
