import Basics
import Contracts
import Foundation
import Testing

private func fixture(_ name: String) throws -> [UInt8] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/contracts")
    return Array(try Data(contentsOf: folder.appending(path: name)))
}

/// The golden file must decode to the value, and the value must encode to the golden bytes (D16).
private func expectGolden<T: Payload>(_ value: T) throws {
    let golden = try fixture("\(T.type).v\(T.version).json")
    #expect(try PayloadCoding.decode(T.self, from: golden) == value)
    let text = String(decoding: golden, as: UTF8.self).trimmingCharacters(in: .newlines)
    #expect(String(decoding: try PayloadCoding.encode(value), as: UTF8.self) == text)
}

@Suite struct GoldenPayloadTests {
    let sku = SKU("MUG-BLUE")
    let order = OrderID("01890000-0000-7000-8000-000000000001")
    let customer = CustomerID("01890000-0000-7000-8000-000000000002")
    let cart = CartID("01890000-0000-7000-8000-000000000003")

    @Test func `commands are what they were when shipped`() throws {
        let lines = [Line(sku: try #require(sku), quantity: 2)]
        try expectGolden(
            InventoryCommands.Reserve(lines: lines, linesHash: "ab12", ttlSeconds: 900))
        try expectGolden(InventoryCommands.CommitStock())
        try expectGolden(InventoryCommands.Release())
        try expectGolden(
            PaymentCommands.Authorize(
                total: Money(minor: 4200, currency: .eur), cardToken: "tok_ok",
                customerID: try #require(customer)))
        try expectGolden(PaymentCommands.Capture())
        try expectGolden(PaymentCommands.Void())
    }

    @Test func `replies are what they were when shipped`() throws {
        try expectGolden(InventoryReplies.Reserved())
        try expectGolden(
            InventoryReplies.ReserveRejected(reason: .noStock, sku: sku, available: 1))
        try expectGolden(InventoryReplies.StockCommitted())
        try expectGolden(InventoryReplies.CommitRejected(reason: "expired"))
        try expectGolden(InventoryReplies.Released(outcome: .restocked))
        try expectGolden(InventoryReplies.ReservationExpired())
        try expectGolden(PaymentReplies.Authorized(providerRef: "pa_1"))
        try expectGolden(PaymentReplies.AuthDeclined(reason: "insufficient_funds"))
        try expectGolden(PaymentReplies.AuthPending())
        try expectGolden(PaymentReplies.Captured(providerRef: "pc_1"))
        try expectGolden(PaymentReplies.CaptureFailed(reason: "expired_card"))
        try expectGolden(PaymentReplies.Voided(outcome: .alreadyCaptured))
    }

    @Test func `events are what they were when shipped`() throws {
        let ids = (try #require(order), try #require(customer), try #require(cart))
        try expectGolden(
            OrderEvents.OrderConfirmed(
                orderID: ids.0, customerID: ids.1, cartID: ids.2, cartVersion: 3,
                lines: [Line(sku: try #require(sku), quantity: 2)],
                total: Money(minor: 4200, currency: .eur)))
        try expectGolden(
            OrderEvents.OrderCancelled(
                orderID: ids.0, customerID: ids.1, cartID: ids.2, cartVersion: 3,
                reason: "payment_declined"))
    }

    @Test func `an added field is ignored by an older reader`() throws {
        let newer = Array(#"{"reason":"expired","since":"yesterday"}"#.utf8)
        let value = try PayloadCoding.decode(InventoryReplies.CommitRejected.self, from: newer)
        #expect(value.reason == "expired")
    }
}

@Suite struct EnvelopeTests {
    private func envelope() throws -> Envelope {
        Envelope(
            messageID: .v7(milliseconds: 1_700_000_000_000, random: .seeded(1)), type: "Reserve",
            orderID: OrderID(.v7(milliseconds: 1_700_000_000_000, random: .seeded(2))),
            step: .commitStock, stepSequence: 4,
            causationID: .v7(milliseconds: 1_700_000_000_000, random: .seeded(3)),
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    }

    @Test func `headers and value are each other's inverse`() throws {
        let value = try envelope()
        #expect(try Envelope(headers: value.headers) == value)
        var bare = value
        (bare.step, bare.stepSequence, bare.traceparent) = (nil, nil, nil)
        #expect(try Envelope(headers: bare.headers) == bare)
    }

    @Test(arguments: ["message-id", "type", "version", "order-id", "causation-id"])
    func `a missing header is named`(name: String) throws {
        let headers = try envelope().headers.filter { $0.name != name }
        #expect(throws: EnvelopeError(header: name, problem: "is missing")) {
            try Envelope(headers: headers)
        }
    }

    @Test(arguments: [("message-id", "x"), ("version", "0"), ("step", "DANCE"), ("step-seq", "-")])
    func `an unreadable header is named`(name: String, text: String) throws {
        let headers =
            try envelope().headers.filter { $0.name != name } + [(name, Array(text.utf8))]
        #expect(throws: EnvelopeError(header: name, problem: "cannot be read")) {
            try Envelope(headers: headers)
        }
    }
}

@Suite struct TopicsTests {
    @Test func `every business topic has twelve partitions and a dead letter topic`() {
        #expect(Topics.business.allSatisfy { $0.partitions == 12 })
        #expect(Topics.all.map(\.name).contains("order.replies.v1.dlq"))
        #expect(Set(Topics.all.map(\.name)).count == 9)
    }
}
