import Basics
import Foundation
import Support
import Testing

extension WholeStackTests {
    /// Each operation of the document with a request that is right, and one that is wrong where it
    /// can be: status and media type must be declared.
    @Test func `every documented operation answers as the document says`() async throws {
        try await withShop { stack, shop in
            try await stack.receive("MUG-BLUE", 50)
            let document = try OpenAPIDocument(try await shop.call("GET", "/openapi.yaml").text)
            let customer = UniqueID.v7()
            let cart = try await shop.cart(customer, "MUG-BLUE")
            let placed = try await shop.placeOrder(
                customer, cart: cart, card: "tok_ok", key: "document-\(customer)")
            let order = try #require(placed.json["id"] as? String)
            try await shop.reaches(
                "CONFIRMED", PlacedOrder(customer: customer, cart: cart, id: order),
                within: .seconds(30))
            for operation in document.operations {
                let path = operation.path.replacingOccurrences(of: "{sku}", with: "MUG-BLUE")
                    .replacingOccurrences(
                        of: "{id}", with: operation.path.contains("carts") ? cart : order
                    ).replacingOccurrences(of: "{order}", with: order)
                let good = try await shop.call(
                    operation.method, path, as: customer, body: body(operation, cart: cart),
                    headers: ["idempotency-key": "document-\(operation.id)-\(customer)"])
                expect(good, of: operation)
                // The cart may have been used up: 409 and 422 are answers of a shop that works.
                #expect(good.status < 300 || operation.id == "placeOrder", "\(operation.id)")
                guard !operation.isOpen else { continue }
                let stranger = try await shop.call(
                    operation.method, path, body: body(operation, cart: cart))
                #expect(stranger.status == 401, "\(operation.id) without a token")
                expect(stranger, of: operation)
            }
        }
    }

    private func body(_ operation: OpenAPIDocument.Operation, cart: String) -> String? {
        switch operation.id {
        case "putLine": #"{"quantity":2}"#
        case "placeOrder": #"{"cart_id":"\#(cart)","card_token":"tok_ok"}"#
        default: nil
        }
    }

    private func expect(_ answer: ShopClient.Answer, of operation: OpenAPIDocument.Operation) {
        let types = operation.responses[String(answer.status)]
        #expect(types != nil, "\(operation.id) answered \(answer.status), which is not declared")
        let type = answer.headers["content-type"]?.split(separator: ";").first.map(String.init)
        #expect(
            types?.contains(type ?? "") == true,
            "\(operation.id) answered \(answer.status) with \(type ?? "no type")")
        #expect(answer.headers["x-request-id"] != nil, "\(operation.id)")
    }
}
