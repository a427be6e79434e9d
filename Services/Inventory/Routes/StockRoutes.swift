import Basics
package import HTTP

/// What operators write: articles and receipts. Registered on the operations port only.
package struct StockRoutes: Sendable {
    private let products: ProductStore
    private let receipts: ReceiptStore
    private let cache: ProductCache

    package init(products: ProductStore, receipts: ReceiptStore, cache: ProductCache) {
        self.products = products
        self.receipts = receipts
        self.cache = cache
    }

    package func register(on router: inout Router) {
        router.on(.put, "/internal/products/{sku}", answering { try await putProduct($0) })
        router.on(.post, "/internal/receipts", answering { try await postReceipt($0) })
    }

    private struct ProductBody: Decodable {
        let name: String
        let description: String
        let price: Money
        let image: String
        let active: Bool
    }

    private func putProduct(_ request: Request) async throws -> Response {
        let body = try request.decodeJSON(ProductBody.self)
        guard let sku = request.context.parameters["sku"].flatMap({ SKU($0) }) else {
            throw Problem.unprocessable(
                "invalid_field", "The SKU must have 1 to 64 of A-Z, 0-9 and '-'.")
        }
        let draft = try ProductDraft(
            sku: sku, name: body.name, description: body.description, price: body.price,
            image: body.image, active: body.active)
        try await products.put(draft)
        await cache.forget(ProductRoutes.cacheKeys(of: sku))
        return .empty()
    }

    private struct ReceiptBody: Decodable {
        let receiptID: UniqueID
        let sku: SKU
        let quantity: Int64

        enum CodingKeys: String, CodingKey {
            case receiptID = "receipt_id"
            case sku, quantity
        }
    }

    private struct ReceiptAnswer: Encodable {
        let receiptID: UniqueID
        let sku: SKU
        let quantity: Int64
        let onHand: Int64
        let seq: Int64

        enum CodingKeys: String, CodingKey {
            case receiptID = "receipt_id"
            case sku, quantity
            case onHand = "on_hand"
            case seq
        }
    }

    private func postReceipt(_ request: Request) async throws -> Response {
        let body = try request.decodeJSON(ReceiptBody.self)
        guard Receipt.quantityRange.contains(body.quantity) else {
            throw Problem.unprocessable(
                "quantity_out_of_range",
                "The quantity must be between 1 and \(Receipt.quantityRange.upperBound).")
        }
        let receipt = Receipt(id: body.receiptID, sku: body.sku, quantity: body.quantity)
        switch try await receipts.book(receipt) {
        case .booked(let onHand, let seq, let isNew):
            if isNew { await cache.forget(ProductRoutes.cacheKeys(of: body.sku)) }
            // Also when repeated: what was on hand right after the receipt, not what is now.
            return try .json(
                isNew ? 201 : 200,
                ReceiptAnswer(
                    receiptID: body.receiptID, sku: body.sku, quantity: body.quantity,
                    onHand: onHand, seq: seq))
        case .differs:
            throw Problem.conflict(
                "receipt_id_reused", "This receipt_id belongs to another receipt.")
        case .unknownSKU:
            throw Problem.unprocessable("unknown_sku", "There is no product \(body.sku).")
        }
    }
}
