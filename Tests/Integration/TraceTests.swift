import Basics
import Foundation
import Support
import Testing

/// One checkout is one trace, from the gateway's first span to the cart that was emptied.
extension WholeStackTests {
    @Test(arguments: [
        ("confirmed", "MUG-BLUE", "tok_ok"), ("declined", "MUG-BLUE", "tok_declined"),
        ("no_stock", "SOLD-OUT-POSTER", "tok_ok"),
    ])
    func `a demo order is one trace with one root, no orphan and the expected spans`(
        outcome: String, sku: String, card: String
    ) async throws {
        try await withTracedShop { _, shop, collector in
            let expected = try ExpectedTrace.load(outcome)
            let order = try await shop.place(sku, card: card)
            _ = try await shop.ended(order, within: .seconds(30))
            let trace = try await shop.trace(of: order)
            try await arrived(expected, of: trace, in: collector)
            let tree = TraceTree(collector.spans(of: trace))
            #expect(tree.names == expected.names, "\(tree.text)")
            #expect(tree.orphans.isEmpty, "\(tree.text)")
            #expect(tree.roots.map(\.name) == [expected.root.name], "\(tree.text)")
            #expect(tree.roots.map(\.service) == [expected.root.service])
            #expect(tree.services == Set(expected.services))
            let failed = tree.spans.filter(\.isFailed)
            #expect(failed.isEmpty, "\(tree.text)")
            // Whoever searches by the order's id finds this trace and no other.
            let found = collector.spans.filter { $0.attributes["mercato.order_id"] == order.id }
            #expect(Set(found.map(\.trace)) == [trace])
            if ProcessInfo.processInfo.environment["MERCATO_TEST_LOG"] != nil { print(tree.text) }
        }
    }

    @Test func `an order whose broker was wiped is still one trace`() async throws {
        try await withTracedShop { stack, shop, collector in
            let order = try await shop.place("MUG-BLUE", card: "tok_slow")
            try await stack.kill("devbroker")
            try await stack.startAgain("devbroker")
            try await shop.reaches("CONFIRMED", order, within: .seconds(60))
            try await shop.emptied(order, within: .seconds(30))
            let trace = try await shop.trace(of: order)
            let expected = Set(try ExpectedTrace.load("confirmed").names.keys)
            try await eventually("all spans have arrived", within: .seconds(20)) {
                let tree = TraceTree(collector.spans(of: trace))
                return tree.orphans.isEmpty && expected.isSubset(of: tree.names.keys)
            }
            #expect(TraceTree(collector.spans(of: trace)).roots.count == 1)
            try await expectClean(stack)
        }
    }

    @Test func `polls, probes and a stack with nothing to do make no spans`() async throws {
        try await withTracedShop { stack, _, collector in
            try await eventually("no order is under way", within: .seconds(30)) {
                try await stack.isDrained()
            }
            // Spans of what went on before may still be on their way.
            let quiet = try await settled(collector)
            for service in ["order", "cart", "inventory", "payment"] {
                _ = try await stack.audit(service, "dead_letters")
            }
            #expect(try await settled(collector) == quiet)
        }
    }

    /// Waits until as many spans are there as are expected.
    private func arrived(_ expected: ExpectedTrace, of trace: String, in collector: TraceCollector)
        async throws
    {
        let count = expected.names.values.reduce(0, +)
        do {
            try await eventually("\(count) spans", within: .seconds(20)) {
                collector.spans(of: trace).count >= count
            }
        } catch {
            // Ignored: the comparison that follows says which ones are missing.
        }
    }

    /// The number of spans once it has not changed for some time.
    private func settled(_ collector: TraceCollector) async throws -> Int {
        let seen = SpanCount()
        try await eventually(
            "the collector hears nothing", within: .seconds(30), every: .milliseconds(100)
        ) {
            await seen.isSame(collector.spans.count, times: 15)
        }
        return await seen.last
    }
}

private actor SpanCount {
    private(set) var last = -1
    private var same = 0

    func isSame(_ count: Int, times: Int) -> Bool {
        same = count == last ? same + 1 : 0
        last = count
        return same >= times
    }
}

extension ShopClient {
    /// The trace that the order's view names.
    func trace(of order: PlacedOrder) async throws -> String {
        let answer = try await call("GET", "/v1/orders/\(order.id)", as: order.customer)
        guard let trace = answer.json["trace_id"] as? String else {
            throw StackFailure("no trace_id: \(answer.status) \(answer.text)")
        }
        return trace
    }
}
