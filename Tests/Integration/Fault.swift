import Basics
import Support
import Testing

/// Fifty good orders with a fault in the middle of them.
enum Fault {
    static let orders = 50
    /// The fault comes when at least this many have ended and at least as many have not.
    static let margin = 10

    /// kill -9 of one process while orders are under way, `restart` within three seconds.
    @discardableResult
    static func kill(
        _ name: String, in stack: WholeStack, _ shop: ShopClient,
        restart: @escaping @Sendable () async throws -> Void
    ) async throws -> [PlacedOrder] {
        try await under50(in: stack, shop) {
            let killed = ContinuousClock.now
            try await stack.kill(name)
            try await restart()
            #expect(killed.duration(to: .now) < .seconds(20), "the restart itself took too long")
        }
    }

    /// Places 50 orders whose card answers after 0.2–2 s; runs `fault` when some have ended and
    /// some have not; then all must be confirmed within 60 s.
    @discardableResult
    static func under50(
        in stack: WholeStack, _ shop: ShopClient,
        _ fault: @escaping @Sendable () async throws -> Void
    ) async throws -> [PlacedOrder] {
        try await stack.receive("LAMP-DESK", 60)
        let customers = (0..<orders).map { _ in UniqueID.v7() }
        let carts = try await concurrently(customers, width: 16) { customer in
            (customer, try await shop.cart(customer, "LAMP-DESK"))
        }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            let placed = try await concurrently(carts, width: 50) { customer, cart in
                let answer = try await shop.accepted(
                    customer, cart, "tok_slow", key: "fault-\(customer)")
                guard let id = answer.json["id"] as? String else {
                    throw StackFailure("no order id: \(answer.text)")
                }
                return PlacedOrder(customer: customer, cart: cart, id: id)
            }
            group.addTask {
                try await stack.withOrderDatabase { pool in
                    try await eventually(
                        "\(margin) of \(orders) ended", within: .seconds(30),
                        every: .milliseconds(10)
                    ) {
                        let ended = try await placed.confirmed(in: pool)
                        if ended > orders - margin {
                            throw StackFailure("too fast: \(ended) of \(orders) had ended")
                        }
                        return ended >= margin
                    }
                }
                try await fault()
            }
            try await group.waitForAll()
            _ = try await concurrently(placed, width: 50) { order in
                try await shop.reaches("CONFIRMED", order, within: .seconds(60))
            }
            return placed
        }
    }
}
