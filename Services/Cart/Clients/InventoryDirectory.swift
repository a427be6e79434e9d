package import Basics
package import HTTP
import HTTPClient
package import ServiceKit

/// What Cart asks Inventory over HTTP: which articles exist, and how they are called and priced.
/// The prices are for showing only; what an order costs is decided by Order.
package struct InventoryDirectory: Sendable {
    /// The most SKUs of one question; Inventory refuses more.
    package static let skusMax = 200

    /// Inventory could not be asked, or did not answer sensibly.
    package struct Unavailable: Error, Sendable, CustomStringConvertible {
        package let cause: String
        package var description: String { "inventory is unavailable: \(cause)" }
    }

    private let upstream: UpstreamClient

    package init(upstream: UpstreamClient) { self.upstream = upstream }

    private struct Found: Decodable {
        struct Product: Decodable {
            let sku: SKU
            let name: String
            let price: Money
        }
        let products: [Product]
    }

    /// The articles among `skus` that are for sale; the others are missing from the result.
    /// Waits for `limit` at most, and never longer than the caller does.
    package func articles(
        _ skus: [SKU], within limit: Duration, for context: RequestContext
    ) async throws(Unavailable) -> [SKU: CartView.Article] {
        guard !skus.isEmpty else { return [:] }
        var context = context
        context.deadline = min(.after(limit), context.deadline ?? .after(limit))
        // A SKU has no character that a query would have to escape.
        let query = skus.prefix(Self.skusMax).map { "sku=\($0)" }.joined(separator: "&")
        let found: Found
        do {
            let answer = try await upstream.answer(
                .get, "/internal/products?\(query)", route: "/internal/products", for: context)
            guard answer.status == 200 else {
                throw Unavailable(cause: "status \(answer.status)")
            }
            found = try JSONCoding.decode(Found.self, from: answer.body)
        } catch let error as Unavailable {
            throw error
        } catch {
            throw Unavailable(cause: "\(error)")
        }
        let pairs = found.products.map {
            ($0.sku, CartView.Article(name: $0.name, price: $0.price))
        }
        return Dictionary(pairs) { first, _ in first }
    }
}
