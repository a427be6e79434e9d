import Basics
import Foundation
import Mercatoctl
import NativeServers
import Support
import Testing

/// The promises of the checkout, on real parts: one stack, one test after the other.
@Suite(.serialized) struct WholeStackTests {
    /// The stack that these tests share, made by the first of them.
    private actor Shared {
        static let one = Shared()
        private var stack: WholeStack?
        private(set) var collector: TraceCollector?

        func stack() async throws -> WholeStack {
            if let stack { return stack }
            // Every test of this suite runs with tracing on; TraceTests look at what arrives.
            let collector = try await TraceCollector.start()
            self.collector = collector
            let started = try await WholeStack.start(adding: [
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
                "OTEL_BSP_SCHEDULE_DELAY": "200",
            ])
            stack = started
            return started
        }
    }

    func withShop(
        _ body: @Sendable (WholeStack, ShopClient) async throws -> Void
    ) async throws {
        try await WholeStack.alone {
            let stack = try await Shared.one.stack()
            try await TestLoop.run { loop in
                try await body(stack, ShopClient(stack.publicURL, loop: loop))
            }
        }
    }

    /// As above, with what the stack's processes tell about their traces.
    func withTracedShop(
        _ body: @Sendable (WholeStack, ShopClient, TraceCollector) async throws -> Void
    ) async throws {
        try await withShop { stack, shop in
            try await body(stack, shop, try #require(await Shared.one.collector))
        }
    }

    func expectClean(_ stack: WholeStack) async throws {
        let complaint = try await stack.check()
        #expect(complaint == nil, "\(complaint ?? "")")
    }

    // MARK: 200 at once

    @Test func `200 orders at once: each ends as it must, one order per key`() async throws {
        try await withShop { stack, shop in
            try await stack.receive("MUG-BLUE", 400)
            let kinds =
                Array(repeating: ("MUG-BLUE", "tok_ok"), count: 120)
                + Array(repeating: ("MUG-BLUE", "tok_declined"), count: 40)
                + Array(repeating: ("SOLD-OUT-POSTER", "tok_ok"), count: 40)
            let carts = try await concurrently(kinds, width: 32) { kind in
                let customer = UniqueID.v7()
                return (customer, try await shop.cart(customer, kind.0), kind.1)
            }
            let before = try await stack.journalCaptures()
            let started = ContinuousClock.now
            // Every second key is sent twice at the same time.
            let answers = try await concurrently(Array(carts.enumerated()), width: 200) { item in
                let (index, (customer, cart, card)) = (item.offset, item.element)
                let copies = index % 2 == 0 ? 2 : 1
                return try await concurrently(Array(0..<copies), width: 2) { _ in
                    try await shop.accepted(customer, cart, card, key: "burst-\(customer)")
                }
            }
            var orders: [PlacedOrder] = []
            for (index, twins) in answers.enumerated() {
                let id = try #require(twins[0].json["id"] as? String)
                #expect(twins.allSatisfy { $0.body == twins[0].body }, "twins differ")
                orders.append(PlacedOrder(customer: carts[index].0, cart: carts[index].1, id: id))
            }
            #expect(Set(orders.map(\.id)).count == 200)
            let ends = try await concurrently(orders, width: 64) { order in
                try await shop.ended(order, within: .seconds(90))
            }
            let seconds = started.duration(to: .now) / .seconds(1)
            #expect(ends[0..<120].allSatisfy { $0.status == "CONFIRMED" })
            #expect(ends[120..<160].allSatisfy { $0.reason == "payment_declined" })
            #expect(ends[160..<200].allSatisfy { $0.reason == "no_stock" })
            #expect(ends[120..<200].allSatisfy { $0.status == "CANCELLED" })
            let after = try await stack.journalCaptures()
            #expect(after.count - before.count == 120)
            #expect(after.sum - before.sum == 120 * 1_200)
            try await expectClean(stack)
            print("200 orders: all ended after \(seconds) s, \(120 / seconds) confirmed/s")
        }
    }

    // MARK: Kill

    @Test(arguments: [
        "gateway", "cart", "order", "inventory", "payment", "payment-provider", "postgres-order",
    ])
    func `kill -9 under 50 orders loses none`(name: String) async throws {
        try await withShop { stack, shop in
            try await Fault.kill(name, in: stack, shop)
            try await expectClean(stack)
        }
    }

    @Test func `F9: payment dies between the provider's answer and its second transaction`()
        async throws
    {
        try await withShop { stack, shop in
            try await Fault.under50(in: stack, shop) {
                let payment = try stack.process("payment")
                try await stack.arm("F9", "kill")
                try await eventually("payment died at F9", within: .seconds(20)) {
                    !payment.isRunning
                }
                try await stack.startAgain("payment")
            }
            try await expectClean(stack)
        }
    }

    @Test func `a wiped broker loses no order, and every confirmed order's cart is empty`()
        async throws
    {
        try await withShop { stack, shop in
            let before = try await stack.brokerEpoch()
            let orders = try await Fault.kill("devbroker", in: stack, shop)
            for order in orders { try await shop.emptied(order, within: .seconds(30)) }
            #expect(try await stack.brokerEpoch() > before)
            try await expectClean(stack)
        }
    }

    @Test func `an event that only the lost log had is published again (D9)`() async throws {
        try await withShop { stack, shop in
            let customer = UniqueID.v7()
            let cart = try await shop.cart(customer, "PLANT-FERN")
            let answer = try await shop.accepted(customer, cart, "tok_slow", key: "lost-\(customer)")
            // From here on nobody reads the event.
            try await stack.kill("cart")
            let id = try #require(answer.json["id"] as? String)
            let order = PlacedOrder(customer: customer, cart: cart, id: id)
            try await shop.reaches("CONFIRMED", order, within: .seconds(30))
            try await eventually("the event is in the log", within: .seconds(10)) {
                try await stack.isDrained()
            }
            try await stack.kill("devbroker")
            try await stack.startAgain("devbroker")
            try await stack.startAgain("cart")
            try await shop.emptied(order, within: .seconds(60))
            try await expectClean(stack)
        }
    }

    // MARK: Redis

    @Test func `with Redis stopped a checkout still works (invariant 36)`() async throws {
        try await withShop { stack, shop in
            try await stack.kill("redis")
            let order = try await shop.place("MUG-BLUE", card: "tok_ok")
            try await shop.reaches("CONFIRMED", order, within: .seconds(20))
            try await stack.startAgain("redis")
            try await expectClean(stack)
        }
    }

    @Test func `a product read twice comes from the cache, and the hit counter rises`()
        async throws
    {
        try await withShop { stack, shop in
            let before = try await stack.cacheHits()
            try await eventually("a cache hit", within: .seconds(10)) {
                for _ in 0..<5 { _ = try await shop.call("GET", "/v1/products/MUG-BLUE") }
                return try await stack.cacheHits() > before
            }
        }
    }

    // MARK: The page

    @Test func `a browser buys something and sees CONFIRMED`() async throws {
        try await withShop { stack, _ in
            try await runBrowserCheckout(baseURL: stack.publicURL)
        }
    }
}
