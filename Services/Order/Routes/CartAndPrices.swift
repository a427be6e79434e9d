import Basics
import Foundation
import HTTP
import ServiceKit

/// What Order asks of Cart and Inventory while placing: contents and prices, straight from their
/// databases and never from a cache (D17, invariant 36).
struct CartAndPrices: Sendable {
    let cart: UpstreamClient
    let inventory: UpstreamClient

    struct Cart: Codable, Sendable {
        struct Line: Codable, Sendable {
            let sku: SKU
            let quantity: Int
        }
        let id: CartID
        let version: Int64
        let lines: [Line]
    }

    private struct Products: Codable {
        struct Product: Codable {
            let sku: SKU
            let name: String
            let price: Money
        }
        let products: [Product]
    }

    /// The customer's cart; somebody else's is not found.
    func cart(_ id: CartID, for context: RequestContext) async throws -> Cart {
        let answer = try await cart.answer(
            .get, "/internal/carts/\(id)", route: "/internal/carts/{id}", for: context)
        switch answer.status {
        case 200: return try Self.decode(Cart.self, answer, from: cart.name)
        case 404:
            throw Problem.notFound("cart_not_found", "This customer has no cart \(id).")
        default: throw Self.unusable(cart.name, answer.status)
        }
    }

    /// The lines with the prices of this moment.
    func priced(_ lines: [Cart.Line], for context: RequestContext) async throws -> [OrderLine] {
        let query = lines.map { "sku=\($0.sku)" }.joined(separator: "&")
        let answer = try await inventory.answer(
            .get, "/internal/products?\(query)", route: "/internal/products", for: context)
        guard answer.status == 200 else { throw Self.unusable(inventory.name, answer.status) }
        let known = try Self.decode(Products.self, answer, from: inventory.name).products
        let products = Dictionary(known.map { ($0.sku, $0) }, uniquingKeysWith: { first, _ in first })
        return try lines.map { line in
            guard let product = products[line.sku] else {
                throw Problem.unprocessable(
                    "unknown_sku", "Product \(line.sku) is no longer sold; remove it.")
            }
            return OrderLine(
                sku: line.sku, quantity: line.quantity, unitPrice: product.price,
                name: product.name)
        }
    }

    private static func decode<T: Decodable>(
        _ type: T.Type, _ answer: UpstreamClient.Answer, from name: String
    ) throws -> T {
        do {
            return try JSONCoding.decode(type, from: answer.body)
        } catch {
            throw Problem(
                status: 502, code: "bad_upstream_response", title: "Bad Gateway",
                detail: "The service \(name) answered something unexpected.")
        }
    }

    private static func unusable(_ name: String, _ status: Int) -> Problem {
        .unavailable("upstream_unavailable", "The service \(name) answered \(status).")
    }
}
