import Basics
import Support

/// An order that a test placed, and everything needed to ask for it.
struct PlacedOrder: Sendable {
    let customer: UniqueID
    let cart: String
    let id: String
}

/// Runs `body` for many inputs with at most `width` at a time; results in the inputs' order.
func concurrently<Input: Sendable, Output: Sendable>(
    _ inputs: [Input], width: Int, _ body: @escaping @Sendable (Input) async throws -> Output
) async throws -> [Output] {
    try await withThrowingTaskGroup(of: (Int, Output).self) { group in
        var results: [Int: Output] = [:]
        for (index, input) in inputs.enumerated() {
            if index >= width, let (done, output) = try await group.next() {
                results[done] = output
            }
            group.addTask { (index, try await body(input)) }
        }
        for try await (done, output) in group { results[done] = output }
        return inputs.indices.compactMap { results[$0] }
    }
}

extension ShopClient {
    /// Places an order as a new customer; tries on while the gateway or a service is away, with one
    /// key, as a careful client does.
    func place(_ sku: String, card: String) async throws -> PlacedOrder {
        let customer = UniqueID.v7()
        let cart = try await persistently { try await self.cart(customer, sku) }
        let key = "test-\(customer)"
        let id = try await persistently { () -> String in
            let answer = try await self.placeOrder(customer, cart: cart, card: card, key: key)
            guard answer.status == 202, let id = answer.json["id"] as? String else {
                throw StackFailure("order not accepted: \(answer.status) \(answer.text)")
            }
            return id
        }
        return PlacedOrder(customer: customer, cart: cart, id: id)
    }

    private func persistently<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value)
        async throws -> Value
    {
        let box = ResultBox<Value>()
        try await eventually("accepted", within: .seconds(45), every: .milliseconds(100)) {
            box.value = try await body()
            return true
        }
        guard let value = box.value else { throw StackFailure("nothing was returned") }
        return value
    }

    /// Waits until the order has the status.
    func reaches(_ status: String, _ order: PlacedOrder, within limit: Duration) async throws {
        try await eventually("\(order.id) \(status)", within: limit, every: .milliseconds(100)) {
            try await self.order(order.customer, order.id).status == status
        }
    }
}
