package import Basics
package import HTTP

/// What customers and other services read about articles.
package struct ProductRoutes: Sendable {
    /// The most SKUs of one internal question.
    package static let skusMax = 200

    private let store: ProductStore
    private let cache: ProductCache

    package init(store: ProductStore, cache: ProductCache) {
        self.store = store
        self.cache = cache
    }

    package func register(on router: inout Router) {
        router.on(.get, "/v1/products", answering { _ in try await list() })
        router.on(.get, "/v1/products/{sku}", answering { try await one($0) })
        router.on(.get, "/internal/products", answering { try await some($0) })
    }

    /// The cache keys that hold an article.
    package static func cacheKeys(of sku: SKU) -> [String] { [listKey, key(sku)] }
    private static let listKey = "products"
    private static func key(_ sku: SKU) -> String { "product:{\(sku)}" }

    private func list() async throws -> Response {
        try .json(200, try await cache.read(Self.listKey) { try await store.all() })
    }

    private struct OneAnswer: Encodable {
        let product: Product
        let asOf: WallTime
        let stale: Bool

        enum CodingKeys: String, CodingKey {
            case asOf = "as_of"
            case stale
        }

        func encode(to encoder: any Encoder) throws {
            try product.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(asOf, forKey: .asOf)
            try container.encode(stale, forKey: .stale)
        }
    }

    private func one(_ request: Request) async throws -> Response {
        let unknown = Problem.notFound("product_not_found", "There is no such product.")
        guard let sku = request.context.parameters["sku"].flatMap({ SKU($0) }) else {
            throw unknown
        }
        let found = try await cache.read(Self.key(sku)) { try await store.some([sku]) }
        guard let product = found.products.first else { throw unknown }
        return try .json(200, OneAnswer(product: product, asOf: found.asOf, stale: found.stale))
    }

    private struct SomeAnswer: Encodable {
        let products: [Product]
        let missing: [String]
    }

    /// For services: names, prices and stock at this moment, straight from PostgreSQL. What is
    /// frozen into an order comes from here, so no cache may stand in between.
    private func some(_ request: Request) async throws -> Response {
        let asked = request.query.filter { $0.name == "sku" }.map(\.value)
        guard (1...Self.skusMax).contains(asked.count) else {
            throw Problem.unprocessable(
                "invalid_field", "The query must name between 1 and \(Self.skusMax) SKUs.")
        }
        let products = try await store.some(asked.compactMap { SKU($0) })
        let found = Set(products.map(\.sku.text))
        var missing: [String] = []
        for text in asked where !found.contains(text) && !missing.contains(text) {
            missing.append(text)
        }
        return try .json(200, SomeAnswer(products: products, missing: missing))
    }
}
