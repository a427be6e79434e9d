import Basics
import Support
import Testing

@testable import Mercatoctl

@Suite struct ShopBuyerTests {
    private func buy(
        tries: Int = 1, follow: Duration = .seconds(5),
        _ answers: @escaping @Sendable (ShopCall, Int) async -> ShopAnswer
    ) async throws -> (record: BuyRecord, calls: [ShopCall]) {
        try await TestLoop.run { loop in
            let gateway = FakeGateway(answers)
            var patience = ShopBuyer.Patience()
            patience.tries = tries
            patience.follow = follow
            patience.pause = .milliseconds(5)
            let buyer = ShopBuyer(transport: gateway, loop: loop, patience: patience)
            let record = await buyer.buy(Purchase(sku: "MUG-BLUE", quantity: 2), intended: .now)
            return (record, gateway.seen)
        }
    }

    @Test func `cart, line, order and events to the final state, as one customer`() async throws {
        let (record, calls) = try await buy { call, _ in FakeGateway.goodAnswer(call) }
        #expect(record.end == .confirmed)
        #expect(record.orderID == "o1")
        #expect(
            calls.map { "\($0.method) \($0.path)" } == [
                "POST /v1/carts", "PUT /v1/carts/c1/lines/MUG-BLUE", "POST /v1/orders",
                "GET /v1/orders/o1/events",
            ])
        #expect(Set(calls.compactMap { $0.headers["Authorization"] }).count == 1)
        #expect(calls[2].headers["Idempotency-Key"] == record.key)
        #expect(calls[1].body == #"{"quantity":2}"#)
        #expect(record.calls.map(\.kind) == [.cartOpen, .cartAdd, .orderPlace, .orderFollow])
    }

    @Test func `latency counts from the intended start`() async throws {
        try await TestLoop.run { loop in
            let gateway = FakeGateway { call, _ in FakeGateway.goodAnswer(call) }
            let late = ContinuousClock.now - .seconds(3)
            let record = await ShopBuyer(transport: gateway, loop: loop).buy(
                Purchase(sku: "MUG-BLUE"), intended: late)
            #expect(record.calls[0].latency >= .seconds(3))
            #expect(record.calls[1].latency < .seconds(1))
            #expect(record.accepted.map { $0 >= .seconds(3) } == true)
            #expect(record.ended.map { $0 >= .seconds(3) } == true)
        }
    }

    @Test func `no step is tried again when the customer's whole patience is over`() async throws {
        try await TestLoop.run { loop in
            let gateway = FakeGateway { _, _ in FakeGateway.unreachable }
            var patience = ShopBuyer.Patience()
            patience.tries = .max
            patience.pause = .milliseconds(20)
            patience.total = .milliseconds(200)
            let record = await ShopBuyer(transport: gateway, loop: loop, patience: patience).buy(
                Purchase(sku: "MUG-BLUE"), intended: .now)
            #expect(record.end == .notPlaced)
            #expect((2...10).contains(gateway.seen.count), "\(gateway.seen.count) tries")
        }
    }

    @Test func `a cancelled order carries its reason`() async throws {
        let (record, _) = try await buy { call, _ in
            call.path.hasSuffix("/events")
                ? FakeGateway.events("OrderPlaced", "OrderCancelled") : FakeGateway.goodAnswer(call)
        }
        #expect(record.end == .cancelled(reason: "no_stock"))
    }

    @Test func `a stream that breaks off is followed by looks at the order`() async throws {
        let (record, calls) = try await buy { call, earlier in
            switch call.path {
            case "/v1/orders/o1/events": FakeGateway.events("OrderPlaced")
            case "/v1/orders/o1" where earlier < 2:
                FakeGateway.answer(200, #"{"status":"PENDING"}"#)
            default: FakeGateway.goodAnswer(call)
            }
        }
        #expect(record.end == .confirmed)
        #expect(calls.count { $0.path == "/v1/orders/o1" } == 3)
    }

    @Test func `an order that does not end is unfinished when patience ends`() async throws {
        let (record, _) = try await buy(follow: .milliseconds(40)) { call, _ in
            switch call.path {
            case "/v1/orders/o1/events": FakeGateway.silence
            case "/v1/orders/o1": FakeGateway.answer(200, #"{"status":"PENDING"}"#)
            default: FakeGateway.goodAnswer(call)
            }
        }
        #expect(record.end == .unfinished)
        #expect(record.ended == nil)
        #expect(record.accepted != nil)
    }

    @Test(arguments: [
        ("silence", BuyEnd.unknown), ("500", .unknown), ("503", .unknown),
        ("422", .refused(status: 422)), ("unreachable", .notPlaced),
    ])
    func `an order without a 202 says what is known of it`(answer: String, end: BuyEnd) async throws {
        let (record, _) = try await buy { call, _ in
            guard call.path == "/v1/orders" else { return FakeGateway.goodAnswer(call) }
            switch answer {
            case "silence": return FakeGateway.silence
            case "unreachable": return FakeGateway.unreachable
            default: return FakeGateway.answer(Int(answer) ?? 0)
            }
        }
        #expect(record.end == end)
        #expect(record.orderID == nil)
    }

    @Test func `with more than one try, a lost answer is asked for again under the same key`()
        async throws
    {
        let (record, calls) = try await buy(tries: 3) { call, earlier in
            call.path == "/v1/orders" && earlier < 2
                ? FakeGateway.silence : FakeGateway.goodAnswer(call)
        }
        #expect(record.end == .confirmed)
        let keys = calls.filter { $0.path == "/v1/orders" }.map { $0.headers["Idempotency-Key"] }
        #expect(keys.count == 3 && Set(keys).count == 1)
    }

    @Test func `a cart that cannot be filled is no order`() async throws {
        let (record, calls) = try await buy { call, _ in
            call.method == "PUT" ? FakeGateway.answer(503) : FakeGateway.goodAnswer(call)
        }
        #expect(record.end == .notPlaced)
        #expect(!calls.contains { $0.path == "/v1/orders" })
    }
}
