import Basics
import Contracts
import Postgres
import Testing

@testable import InventoryService

@Suite(.timeLimit(.minutes(2))) struct ConcurrentReservationTests {
    let lamp: SKU
    let stool: SKU

    init() throws {
        lamp = try #require(SKU("LAMP-1"))
        stool = try #require(SKU("STOOL-2"))
    }

    @Test func `forty orders for the last ten pieces get exactly ten (invariant 14)`() async throws
    {
        let lamp = lamp
        try await InventoryHarness.run(connections: 16) { inventory in
            try await inventory.article(lamp, pieces: 10)
            let types = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        let replies = try await inventory.send(
                            InventoryHarness.reserve([(lamp, 1)]), for: .make())
                        return replies.map(\.type).joined()
                    }
                }
                return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            #expect(types == ["Reserved": 10, "ReserveRejected": 30])
            #expect(
                try await inventory.stock(lamp) == StockLevel(onHand: 10, held: 10, version: 11))
            #expect(try await inventory.offenders() == [])
            // Invariant 16: every refused order saw fewer pieces than it asked for.
            let lies = try await inventory.pool.query(
                Statement(
                    """
                    SELECT r.order_id FROM reservations AS r
                    JOIN reservation_lines AS l
                        ON l.order_id = r.order_id AND l.sku = r.rejected_sku
                    JOIN stock_moves AS m
                        ON m.sku = r.rejected_sku AND m.seq = r.stock_version_seen
                    WHERE r.available_seen >= l.qty
                       OR r.available_seen <> m.on_hand_after - m.held_after
                    """))
            #expect(lies.isEmpty)
        }
    }

    @Test func `orders that name two articles in either order never deadlock (D18)`() async throws {
        let (lamp, stool) = (lamp, stool)
        try await InventoryHarness.run(connections: 16) { inventory in
            try await inventory.article(lamp, pieces: 100)
            try await inventory.article(stool, pieces: 100)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<40 {
                    let lines = index % 2 == 0 ? [(lamp, 1), (stool, 1)] : [(stool, 1), (lamp, 1)]
                    group.addTask {
                        let order = OrderID.make()
                        try await inventory.send(InventoryHarness.reserve(lines), for: order)
                        if index % 4 < 2 {
                            try await inventory.send(InventoryCommands.Release(), for: order)
                        } else {
                            try await inventory.send(InventoryCommands.CommitStock(), for: order)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await inventory.stock(lamp).onHand == 80)
            #expect(try await inventory.stock(stool).held == 0)
            #expect(try await inventory.offenders() == [])
        }
    }

    @Test func `one order reserved under many message ids at once is held once`() async throws {
        let lamp = lamp
        try await InventoryHarness.run(connections: 16) { inventory in
            try await inventory.article(lamp, pieces: 100)
            let order = OrderID.make()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        let replies = try await inventory.send(
                            InventoryHarness.reserve([(lamp, 3)]), for: order)
                        #expect(replies.map(\.type) == ["Reserved"])
                    }
                }
                try await group.waitForAll()
            }
            #expect(
                try await inventory.stock(lamp) == StockLevel(onHand: 100, held: 3, version: 2))
        }
    }

    @Test func `the same receipt at once from many writers counts once`() async throws {
        let (lamp, stool) = (lamp, stool)
        try await InventoryHarness.run(connections: 16) { inventory in
            try await inventory.article(lamp, pieces: 0)
            try await inventory.article(stool, pieces: 0)
            let id = UniqueID.v7()
            let outcomes = try await withThrowingTaskGroup(of: ReceiptOutcome.self) { group in
                for index in 0..<16 {
                    let sku = index % 2 == 0 ? lamp : stool
                    group.addTask {
                        try await ReceiptStore(pool: inventory.pool).book(
                            Receipt(id: id, sku: sku, quantity: 7))
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let isNew = outcomes.filter { $0 == .booked(onHandAfter: 7, seq: 1, isNew: true) }
            let repeated = outcomes.filter { $0 == .booked(onHandAfter: 7, seq: 1, isNew: false) }
            #expect(isNew.count == 1)
            #expect(repeated.count == 7)
            #expect(outcomes.filter { $0 == .differs }.count == 8)
            let lamps = try await inventory.stock(lamp).onHand
            let stools = try await inventory.stock(stool).onHand
            #expect(lamps + stools == 7)
        }
    }
}
