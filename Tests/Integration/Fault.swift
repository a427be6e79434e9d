import NativeServers
import Basics
import Support
import Testing

/// Fifty good orders with a fault in the middle of them.
enum Fault {
    static let orders = 50
    /// The fault comes when at least this many have ended and at least as many have not.
    static let margin = 10

    /// Of the fifty, so many are placed while the fault is on.
    static let during = 10

    /// kill -9 of one process while orders are under way; it is started again within three seconds.
    @discardableResult
    static func kill(_ name: String, in stack: WholeStack, _ shop: ShopClient) async throws
        -> [PlacedOrder]
    {
        try await under50(in: stack, shop) {
            let before = try stack.process(name)
            let killed = ContinuousClock.now
            try await stack.kill(name)
            let command = try await stack.begin("start", name)
            try await eventually("\(name) runs again", within: .seconds(10)) {
                let now = try stack.process(name)
                return now != before && now.isRunning
            }
            #expect(killed.duration(to: .now) < .seconds(3), "restarted too late")
            let status = try await command.ended(within: .seconds(90))
            #expect(status == 0, "\(command.output)")
        }
    }

    /// Places 40 orders whose card answers after 0.2–2 s; runs `fault` when some have ended and
    /// some have not, and places 10 more while it is on; then all 50 must be confirmed within 60 s.
    @discardableResult
    static func under50(
        in stack: WholeStack, _ shop: ShopClient,
        _ fault: @escaping @Sendable () async throws -> Void
    ) async throws -> [PlacedOrder] {
        try await stack.receive("LAMP-DESK", orders + margin)
        let customers = (0..<orders).map { _ in UniqueID.v7() }
        let carts = try await concurrently(customers, width: 16) { customer in
            (customer, try await shop.cart(customer, "LAMP-DESK"))
        }
        @Sendable func place(_ chosen: ArraySlice<(UniqueID, String)>) async throws -> [PlacedOrder] {
            try await concurrently(Array(chosen), width: chosen.count) { customer, cart in
                let answer = try await shop.accepted(
                    customer, cart, "tok_slow", key: "fault-\(customer)")
                guard let id = answer.json["id"] as? String else {
                    throw StackFailure("no order id: \(answer.text)")
                }
                return PlacedOrder(customer: customer, cart: cart, id: id)
            }
        }
        let early = try await place(carts.prefix(orders - during))
        try await halfway(early, in: stack)
        async let late = place(carts.suffix(during))
        try await fault()
        let placed = early + (try await late)
        _ = try await concurrently(placed, width: orders) { order in
            try await shop.reaches("CONFIRMED", order, within: .seconds(60))
        }
        return placed
    }

    /// Waits until some have ended, and makes sure that some have not.
    private static func halfway(_ placed: [PlacedOrder], in stack: WholeStack) async throws {
        try await stack.withOrderDatabase { pool in
            try await eventually(
                "\(margin) of \(placed.count) ended", within: .seconds(30), every: .milliseconds(10)
            ) {
                let ended = try await placed.confirmed(in: pool)
                if ended > placed.count - margin {
                    throw StackFailure("too fast: \(ended) of \(placed.count) had ended")
                }
                return ended >= margin
            }
        }
    }
}
