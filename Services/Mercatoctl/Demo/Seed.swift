package import Basics
import Crypto

/// Puts the demo's products and stock in, through the stock admin API, as an operator would.
///
/// Idempotent: each delivery's id is derived from the product, so a delivery that has arrived is not
/// counted again however often this runs.
package struct Seed: Sendable {
    private let admin: AdminAPI

    package init(_ admin: AdminAPI) { self.admin = admin }

    private struct ProductBody: Encodable {
        struct Price: Encodable {
            let amount_minor: Int64
            let currency: String
        }
        let name: String
        let description: String
        let price: Price
        let image: String
        let active: Bool
    }

    private struct ReceiptBody: Encodable {
        let receipt_id: String
        let sku: String
        let quantity: Int64
    }

    /// - Returns: one line for people.
    package func run() async throws -> String {
        for product in DemoProduct.catalogue {
            try await admin.send(
                "PUT", "/admin/inventory/products/\(product.sku)",
                ProductBody(
                    name: product.name, description: product.description,
                    price: .init(amount_minor: product.priceMinor, currency: "EUR"),
                    image: product.image, active: true))
            if product.firstDelivery > 0 {
                try await deliver(product.firstDelivery, of: product.sku, occasion: "first")
            }
        }
        let toppedUp = try await topUp()
        return "\(DemoProduct.catalogue.count) products in the shop"
            + (toppedUp.isEmpty ? "" : ", new stock for \(toppedUp.joined(separator: ", "))")
    }

    /// Delivers what has run low, judged by the stock's own rows, never by a cache.
    private func topUp() async throws -> [String] {
        let levels = try await AuditReader(admin).stockLevels()
        var delivered: [String] = []
        for product in DemoProduct.catalogue where product.firstDelivery > 0 {
            guard let level = levels[product.sku],
                level.onHand - level.held < DemoProduct.stockMin
            else { continue }
            // The stock's version names the occasion: asked twice, it is one delivery.
            try await deliver(
                DemoProduct.topUp, of: product.sku, occasion: "version-\(level.version)")
            delivered.append(product.sku)
        }
        return delivered
    }

    private func deliver(_ quantity: Int64, of sku: String, occasion: String) async throws {
        try await admin.send(
            "POST", "/admin/inventory/receipts",
            ReceiptBody(
                receipt_id: Self.receipt(sku, occasion).description, sku: sku, quantity: quantity))
    }

    package static func receipt(_ sku: String, _ occasion: String) -> UniqueID {
        UniqueID.v8(hash: SHA256.digest(Array("mercato demo receipt \(sku) \(occasion)".utf8)))
    }
}
