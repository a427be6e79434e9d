import Basics
import OrderService
import Testing

@Suite struct OrderTests {
    private func line(_ sku: String, _ quantity: Int, _ minor: Int64, _ currency: Currency = .eur)
        throws -> OrderLine
    {
        OrderLine(
            sku: try #require(SKU(sku)), quantity: quantity,
            unitPrice: Money(minor: minor, currency: currency), name: sku)
    }

    private func place(_ lines: [OrderLine]) throws(Order.Refusal) -> Order {
        try Order.place(
            id: .make(), customerID: .make(), cartID: .make(), cartVersion: 1, lines: lines,
            cardToken: "tok_ok")
    }

    @Test func `the total is computed and lines are in SKU order`() throws {
        let order = try place([try line("B", 2, 500), try line("A", 1, 250)])
        #expect(order.total == Money(minor: 1250, currency: .eur))
        #expect(order.lines.map(\.sku.text) == ["A", "B"])
        #expect(order.linesText == "A=1\nB=2")
    }

    @Test func `what cannot be paid is refused`() throws {
        let usd = try #require(Currency("USD"))
        #expect(throws: Order.Refusal.cartEmpty) { try place([]) }
        #expect(throws: Order.Refusal.mixedCurrencies) {
            try place([try line("A", 1, 1), try line("B", 1, 1, usd)])
        }
        #expect(throws: Order.Refusal.totalOutOfRange) { try place([try line("A", 1, 0)]) }
        #expect(throws: Order.Refusal.totalOutOfRange) { try place([try line("A", 9, .max)]) }
    }
}
