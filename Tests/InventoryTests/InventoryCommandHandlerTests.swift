import Basics
import Contracts
import Messaging
import Postgres
import Support
import Testing

@testable import InventoryService

@Suite(.timeLimit(.minutes(2))) struct InventoryCommandHandlerTests {
    let lamp: SKU
    let stool: SKU

    init() throws {
        lamp = try #require(SKU("LAMP-1"))
        stool = try #require(SKU("STOOL-2"))
    }

    @Test func `Reserve holds every line, and its reply copies step and step sequence`()
        async throws
    {
        let (lamp, stool) = (lamp, stool)
        try await InventoryHarness.run { inventory in
            try await inventory.article(lamp, pieces: 5)
            try await inventory.article(stool, pieces: 2)
            let order = OrderID.make()
            let replies = try await inventory.send(
                InventoryHarness.reserve([(stool, 2), (lamp, 3)]), for: order, stepSequence: 7)
            #expect(
                replies == [
                    .init(
                        type: "Reserved", payload: "{}", step: "RESERVE", stepSequence: "7",
                        topic: "order.replies.v1")
                ])
            #expect(
                try await inventory.stock(lamp) == StockLevel(onHand: 5, held: 3, version: 2))
            #expect(
                try await inventory.stock(stool) == StockLevel(onHand: 2, held: 2, version: 2))
            #expect(try await inventory.status(of: order) == ["HELD", nil])
            #expect(try await inventory.offenders() == [])
        }
    }

    @Test func `the same message again is dropped without an answer (D4)`() async throws {
        let lamp = lamp
        try await InventoryHarness.run { inventory in
            try await inventory.article(lamp, pieces: 5)
            let (order, id) = (OrderID.make(), UniqueID.v7())
            let command = InventoryHarness.reserve([(lamp, 1)])
            #expect(try await inventory.send(command, for: order, id: id).count == 1)
            #expect(try await inventory.send(command, for: order, id: id).count == 1)
            #expect(
                try await inventory.stock(lamp) == StockLevel(onHand: 5, held: 1, version: 2))
        }
    }

    @Test func `a command under a new message id is answered again and changes nothing (D4)`()
        async throws
    {
        let lamp = lamp
        try await InventoryHarness.run { inventory in
            try await inventory.article(lamp, pieces: 5)
            let order = OrderID.make()
            let reserve = InventoryHarness.reserve([(lamp, 2)])
            let first = try await inventory.send(reserve, for: order)
            #expect(try await inventory.send(reserve, for: order) == first)
            let committed = try await inventory.send(InventoryCommands.CommitStock(), for: order)
            #expect(committed.map(\.type) == ["StockCommitted"])
            #expect(
                try await inventory.send(InventoryCommands.CommitStock(), for: order) == committed)
            let released = try await inventory.send(InventoryCommands.Release(), for: order)
            #expect(released.map(\.payload) == [#"{"outcome":"restocked"}"#])
            #expect(
                try await inventory.send(InventoryCommands.Release(), for: order) == released)
            #expect(
                try await inventory.stock(lamp) == StockLevel(onHand: 5, held: 0, version: 4))
            #expect(try await inventory.offenders() == [])
        }
    }

    @Test func `a rejection keeps what was seen as evidence (invariant 16)`() async throws {
        let (lamp, stool) = (lamp, stool)
        try await InventoryHarness.run { inventory in
            try await inventory.article(lamp, pieces: 5)
            try await inventory.article(stool, pieces: 2)
            let order = OrderID.make()
            let replies = try await inventory.send(
                InventoryHarness.reserve([(lamp, 1), (stool, 3)]), for: order)
            #expect(
                replies.map(\.payload) == [
                    #"{"available":2,"reason":"no_stock","sku":"STOOL-2"}"#
                ])
            let evidence = try await inventory.database.asSuperuser(
                """
                SELECT rejected_sku, available_seen, stock_version_seen FROM reservations
                """)
            #expect(evidence.contains("STOOL-2|2|1"))
            #expect(
                try await inventory.stock(lamp) == StockLevel(onHand: 5, held: 0, version: 1))
            #expect(try await inventory.offenders() == [])
        }
    }

    @Test func `a Release that comes first fences the Reserve (D3)`() async throws {
        let lamp = lamp
        try await InventoryHarness.run { inventory in
            try await inventory.article(lamp, pieces: 5)
            let order = OrderID.make()
            let released = try await inventory.send(InventoryCommands.Release(), for: order)
            #expect(released.map(\.payload) == [#"{"outcome":"nothing"}"#])
            let refused = try await inventory.send(
                InventoryHarness.reserve([(lamp, 1)]), for: order)
            #expect(refused.map(\.payload) == [#"{"reason":"closed"}"#])
            #expect(
                try await inventory.stock(lamp) == StockLevel(onHand: 5, held: 0, version: 1))
        }
    }

    @Test func `Reserve with other lines is poison and leaves nothing behind`() async throws {
        let lamp = lamp
        try await InventoryHarness.run { inventory in
            try await inventory.article(lamp, pieces: 5)
            let order = OrderID.make()
            try await inventory.send(InventoryHarness.reserve([(lamp, 1)]), for: order)
            let id = UniqueID.v7()
            await #expect(throws: Poison.self) {
                try await inventory.send(
                    InventoryHarness.reserve([(lamp, 2)], hash: "other"), for: order, id: id)
            }
            #expect(try await inventory.replies(causedBy: id) == [])
            let inbox = try await inventory.pool.query(
                Statement("SELECT FROM inbox WHERE message_id = $1", [.id(id)]))
            #expect(inbox.isEmpty)
            #expect(
                try await inventory.stock(lamp) == StockLevel(onHand: 5, held: 1, version: 2))
        }
    }

    @Test func `what cannot be understood is poison`() async throws {
        let lamp = lamp
        try await InventoryHarness.run { inventory in
            try await inventory.article(lamp, pieces: 5)
            let order = OrderID.make()
            let good = try PayloadCoding.encode(InventoryHarness.reserve([(lamp, 1)]))
            func message(
                type: String = "Reserve", version: Int = 1, step: Step? = .reserve,
                payload: [UInt8]
            ) -> IncomingMessage {
                IncomingMessage(
                    envelope: Envelope(
                        messageID: .v7(), type: type, version: version, orderID: order, step: step,
                        stepSequence: 1, causationID: .v7()),
                    payload: payload)
            }
            func reserve(_ lines: [(SKU, Int)], ttl: Int64 = 900) throws -> [UInt8] {
                try PayloadCoding.encode(InventoryHarness.reserve(lines, ttl: ttl))
            }
            let bad = [
                message(type: "Ship", payload: good),
                message(version: 2, payload: good),
                message(step: .release, payload: good),
                message(step: nil, payload: good),
                message(payload: Array("{".utf8)),
                message(payload: try reserve([])),
                message(payload: try reserve([(lamp, 0)])),
                message(payload: try reserve([(lamp, -1)])),
                message(payload: try reserve([(lamp, 1_000_001)])),
                message(payload: try reserve([(lamp, 1), (lamp, 1)])),
                message(payload: try reserve([(lamp, 1)], ttl: 0)),
            ]
            for message in bad {
                await #expect(throws: Poison.self) { try await inventory.deliver(message) }
            }
            #expect(try await inventory.status(of: order) == [])
            try await inventory.deliver(message(payload: good))
            #expect(try await inventory.status(of: order) == ["HELD", nil])
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `random histories keep every invariant of stock`(_ seed: UInt64) async throws {
        let (lamp, stool) = (lamp, stool)
        try await InventoryHarness.run { inventory in
            let random = RandomSource.seeded(seed)
            try await inventory.article(lamp, pieces: 4)
            try await inventory.article(stool, pieces: 4)
            let orders = (0..<8).map { _ in OrderID.make() }
            var model: [OrderID: Reservation] = [:]
            for _ in 0..<120 {
                let index = Int(random.next() % 8)
                let order = orders[index]
                let lines = [(lamp, index % 3 + 1), (stool, 1)]
                let state = model[order] ?? .none
                let command: ReservationCommand
                switch random.next() % 3 {
                case 0:
                    let stock = [
                        lamp: try await inventory.stock(lamp),
                        stool: try await inventory.stock(stool),
                    ]
                    command = .reserve(
                        lines: lines.map { ReservationLine(sku: $0.0, quantity: Int64($0.1)) },
                        linesHash: "hash")
                    try await inventory.send(InventoryHarness.reserve(lines), for: order)
                    if case .change(let next, _, _) = state.decide(command, stock: stock) {
                        model[order] = next
                    }
                case 1:
                    command = .commitStock
                    try await inventory.send(InventoryCommands.CommitStock(), for: order)
                    if case .change(let next, _, _) = state.decide(command) { model[order] = next }
                default:
                    command = .release
                    try await inventory.send(InventoryCommands.Release(), for: order)
                    if case .change(let next, _, _) = state.decide(command) { model[order] = next }
                }
                #expect(
                    try await inventory.status(of: order).first
                        == (model[order] ?? .none).status)
            }
            #expect(try await inventory.offenders() == [])
        }
    }
}
