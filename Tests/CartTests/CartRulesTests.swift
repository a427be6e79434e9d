import Basics
import HTTP
import Testing

@testable import CartService

@Suite struct CartRulesTests {
    let lamp: SKU
    let stool: SKU
    var cart: Cart

    init() throws {
        lamp = try #require(SKU("LAMP-1"))
        stool = try #require(SKU("STOOL-2"))
        cart = Cart(
            id: .make(using: .seeded(1)), customer: .make(using: .seeded(2)), version: 7,
            lines: [CartLine(sku: stool, quantity: 2), CartLine(sku: lamp, quantity: 5)])
    }

    @Test func `lines are in SKU order whatever order they come in`() {
        #expect(cart.lines.map(\.sku) == [lamp, stool])
    }

    @Test mutating func `a new quantity adds 1 to the version`() throws {
        let changes = try cart.put(lamp, quantity: 9, linesMax: 50)
        #expect(changes == [.set(lamp, 9)])
        #expect(cart.version == 8)
        #expect(cart.quantity(of: lamp) == 9)
    }

    @Test mutating func `the same quantity again changes nothing`() throws {
        let changes = try cart.put(lamp, quantity: 5, linesMax: 50)
        #expect(changes == [])
        #expect(cart.version == 7)
    }

    @Test(arguments: [0, -1, 100, 1_000_000_000, Int.max, Int.min])
    func `a quantity outside 1 to 99 is refused`(_ quantity: Int) {
        var copy = cart
        #expect(throws: CartError(.quantityOutOfRange, "The quantity must be between 1 and 99.")) {
            try copy.put(lamp, quantity: quantity, linesMax: 50)
        }
        #expect(copy == cart)
    }

    @Test(arguments: [1, 99])
    func `the bounds of the quantity are allowed`(_ quantity: Int) throws {
        var copy = cart
        let changes = try copy.put(lamp, quantity: quantity, linesMax: 50)
        #expect(changes == [.set(lamp, quantity)])
    }

    @Test mutating func `a full cart takes no further article, but other quantities`() throws {
        let third = try #require(SKU("RUG-3"))
        #expect(throws: CartError.self) { try cart.put(third, quantity: 1, linesMax: 2) }
        let changes = try cart.put(stool, quantity: 1, linesMax: 2)
        #expect(changes == [.set(stool, 1)])
        #expect(cart.version == 8)
    }

    @Test mutating func `removing an absent article changes nothing`() throws {
        let third = try #require(SKU("RUG-3"))
        let absent = cart.remove(third)
        #expect(absent == [])
        #expect(cart.version == 7)
        let present = cart.remove(stool)
        #expect(present == [.remove(stool)])
        #expect(cart.version == 8)
        let again = cart.remove(stool)
        #expect(again == [])
    }

    @Test mutating func `a confirmed order takes out what it ordered and leaves what came since`() {
        let changes = cart.settleConfirmed([
            CartLine(sku: lamp, quantity: 3), CartLine(sku: stool, quantity: 2),
        ])
        #expect(changes == [.set(lamp, 2), .remove(stool)])
        #expect(cart.lines == [CartLine(sku: lamp, quantity: 2)])
        #expect(cart.version == 8)
    }

    @Test mutating func `a confirmed order never takes out more than is there`() {
        let changes = cart.settleConfirmed([CartLine(sku: stool, quantity: 50)])
        #expect(changes == [.remove(stool)])
        #expect(cart.lines == [CartLine(sku: lamp, quantity: 5)])
    }

    @Test mutating func `a confirmed order moves the version of a cart that was emptied meanwhile`()
    {
        _ = cart.remove(lamp)
        _ = cart.remove(stool)
        let changes = cart.settleConfirmed([CartLine(sku: stool, quantity: 2)])
        #expect(changes == [])
        #expect(cart.version == 10)
    }

    @Test mutating func `a cancelled order moves the version that it named, once`() {
        let first = cart.settleCancelled(orderedVersion: 7)
        #expect(first)
        #expect(cart.version == 8)
        let second = cart.settleCancelled(orderedVersion: 7)
        #expect(!second)
        #expect(cart.version == 8)
    }

    @Test func `a quantity is a whole number, and nothing else is looked into`() throws {
        func quantity(_ text: String) throws -> Int {
            try JSONCoding.decode(WrittenQuantity.self, from: Array(text.utf8)).pieces()
        }
        #expect(try quantity("7") == 7)
        for text in ["0", "100", "1e30", "9223372036854775807"] {
            let error = #expect(throws: CartError.self) { try quantity(text) }
            #expect(error?.code == .quantityOutOfRange)
        }
        let nested = String(repeating: "[", count: 500) + String(repeating: "]", count: 500)
        for text in ["1.5", "true", #""2""#, "null", "[]", "{}", nested] {
            let problem = #expect(throws: Problem.self) { try quantity(text) }
            #expect(problem?.code == "invalid_field")
        }
    }
}
