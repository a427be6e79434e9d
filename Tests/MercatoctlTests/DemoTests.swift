import Basics
import Sockets
import Support
import Synchronization
import Testing

@testable import Mercatoctl

@Suite struct DemoTests {
    private func walk(_ scenario: DemoScenario) async throws -> (lines: [String], passed: Bool) {
        let shop = FakeShop()
        let output = Output()
        return try await TestLoop.run { loop in
            let walk = DemoWalk(
                scenario: scenario, url: "http://127.0.0.1:1", calls: shop, loop: loop,
                terminal: output.terminal)
            let outcome = try await walk.run()
            return (output.lines + [outcome.text], outcome.asExpected)
        }
    }

    @Test func `a confirmed order shows its timeline and its total`() async throws {
        let (lines, passed) = try await walk(DemoScenario.all[0])
        #expect(passed)
        #expect(lines.contains { $0.contains("+0 ms  OrderPlaced") })
        #expect(lines.contains { $0.contains("+3 ms  OrderConfirmed") })
        #expect(lines.last == "CONFIRMED, total 24.05 EUR")
    }

    @Test func `a declined order shows that its stock went back`() async throws {
        let (lines, passed) = try await walk(DemoScenario.all[1])
        #expect(passed)
        #expect(lines.contains { $0.contains("StockReleased") })
        #expect(
            lines.last == "CANCELLED (payment_declined), total 24.05 EUR; 7 available, as before")
    }

    @Test func `an outcome that was not expected fails the walk`() async throws {
        let (lines, passed) = try await walk(DemoScenario.all[2])
        #expect(!passed)
        #expect(lines.last?.contains("!! CONFIRMED, expected was CANCELLED (no_stock)") == true)
    }

    @Test func `a timeline that lacks the compensation fails the walk`() {
        let verdict = DemoScenario.all[1].judge(
            status: "CANCELLED", reason: "payment_declined", events: ["OrderPlaced"])
        #expect(!verdict.asExpected)
        #expect(verdict.text.contains("StockReleased"))
    }
}

@Suite struct SeedTests {
    @Test func `twelve products are put in, and the sold-out one gets no delivery`() async throws {
        let shop = FakeShop()
        _ = try await Seed(AdminAPI(url: "http://127.0.0.1:1", calls: shop)).run()
        let products = shop.seen.filter { $0.method == "PUT" }
        let receipts = shop.seen.filter { $0.path == "/admin/inventory/receipts" }
        #expect(products.count == 12)
        #expect(receipts.count == 11)
        #expect(!receipts.contains { $0.body.contains(DemoProduct.soldOut) })
    }

    @Test func `a delivery has the same id each time`() async throws {
        let (first, second) = (FakeShop(), FakeShop())
        for shop in [first, second] {
            _ = try await Seed(AdminAPI(url: "http://127.0.0.1:1", calls: shop)).run()
        }
        #expect(first.seen == second.seen)
        #expect(Seed.receipt("MUG-BLUE", "first") != Seed.receipt("MUG-BLUE", "version-4"))
    }

    @Test func `a product that has run low is topped up, others are not`() async throws {
        let shop = FakeShop(levels: ["MUG-BLUE": 9, "TEAPOT-CLAY": 10, DemoProduct.soldOut: 0])
        let line = try await Seed(AdminAPI(url: "http://127.0.0.1:1", calls: shop)).run()
        let expected = Seed.receipt("MUG-BLUE", "version-4").description
        #expect(shop.seen.count { $0.body.contains(expected) } == 1)
        #expect(line == "12 products in the shop, new stock for MUG-BLUE")
    }

    @Test func `the demo's products exist and have different names`() {
        let skus = DemoProduct.catalogue.map(\.sku)
        #expect(Set(skus).count == 12)
        #expect(skus.allSatisfy { SKU($0) != nil })
        for scenario in DemoScenario.all { #expect(skus.contains(scenario.sku)) }
    }
}

/// Collects what a command says.
final class Output: Sendable {
    private let text = Mutex("")

    var terminal: Terminal {
        Terminal(
            write: { new in self.text.withLock { $0 += new } },
            writeError: { new in self.text.withLock { $0 += new } })
    }

    var lines: [String] {
        text.withLock { $0.split(separator: "\n").map(String.init) }
    }
}
