import Basics
import Testing

@testable import Mercatoctl

@Suite struct AuditLinesTests {
    private let head = #"{"t":"audit","r":{"service":"inventory","at":"2026-01-01T00:00:00Z"}}"#
    private let row = #"{"t":"stock","r":{"sku":"MUG","on_hand":8,"held":1,"version":5}}"#
    private let end = #"{"t":"end","r":{"rows":1}}"#

    private func read(_ text: String, pieces: Int = 1) throws -> AuditState {
        var lines = AuditLines(service: "inventory")
        var state = AuditState()
        let bytes = Array(text.utf8)
        let size = max(1, bytes.count / pieces)
        for start in stride(from: 0, to: bytes.count, by: size) {
            try lines.receive(Array(bytes[start..<min(start + size, bytes.count)])) { table, row in
                try state.add(table: table, row: row, service: "inventory")
            }
        }
        try lines.finish()
        return state
    }

    @Test(arguments: [1, 7, 1_000]) func `rows arrive whole however the stream is cut`(
        pieces: Int
    ) throws {
        let state = try read([head, row, end].joined(separator: "\n") + "\n", pieces: pieces)
        #expect(state.stock == ["MUG": .init(onHand: 8, held: 1, version: 5)])
    }

    @Test func `a stream without its last line is an error`() {
        #expect(throws: CommandFailure.self) { try read([head, row].joined(separator: "\n") + "\n") }
    }

    @Test func `a stream that lost a row is an error`() {
        #expect(throws: CommandFailure.self) { try read([head, end].joined(separator: "\n") + "\n") }
    }

    @Test func `a row without an expected column is an error that names it`() {
        let error = #expect(throws: CommandFailure.self) {
            try read([head, #"{"t":"stock","r":{"sku":"MUG"}}"#, end].joined(separator: "\n") + "\n")
        }
        #expect(error?.message.contains("on_hand") == true)
    }

    @Test func `tables that no check reads are passed over`() throws {
        let other = #"{"t":"something_new","r":{"a":1}}"#
        #expect(try read([head, other, end].joined(separator: "\n") + "\n") == AuditState())
    }

    @Test func `unpublished rows are counted for their service`() throws {
        let count = #"{"t":"outbox_unpublished","r":{"count":3,"oldest":null}}"#
        let state = try read([head, count, end].joined(separator: "\n") + "\n")
        #expect(state.unpublished == ["inventory": 3])
    }

    @Test func `dead letters that nobody has settled are counted by their class`() throws {
        var state = AuditState()
        for (number, standing) in ["PARKED", "REPLAYING", "RESOLVED", "DISCARDED"].enumerated() {
            let text = #"{"id":"\#(number)","error_class":"exhausted","state":"\#(standing)"}"#
            try state.add(
                table: "dead_letters", row: JSONObject(Array(text.utf8), what: "row"),
                service: "payment")
        }
        #expect(state.deadLetters == ["payment": ["exhausted": 2]])
    }

    @Test func `a key row that names no order is an error, not passed over`() {
        let text = #"{"principal":"\#(GoodBooks.customer)","key":"k","order_id":null}"#
        #expect(throws: CommandFailure.self) {
            var state = AuditState()
            try state.add(
                table: "idempotency_keys", row: JSONObject(Array(text.utf8), what: "row"),
                service: "order")
        }
    }

    @Test func `a journal line of the provider is read with its authorization`() throws {
        let text = """
            {"seq":7,"at":"x","key":"k","merchant_reference":"o","kind":"capture","amount_minor":5,\
            "currency":"EUR","body_hash":"h","outcome":"captured","provider_ref":"r",\
            "evidence":{"authorization":"a"}}
            """
        var state = AuditState()
        try state.add(
            table: "journal", row: JSONObject(Array(text.utf8), what: "row"),
            service: "payment-provider")
        #expect(state.journal.first?.isCapture == true)
        #expect(state.journal.first?.authorization == "a")
    }

    @Test func `a row is summed up for people, without what they need not see`() throws {
        let row = try JSONObject(
            Array(#"{"sku":"MUG","qty":2,"active":true,"secret":"x","gone":null,"in":{"a":1}}"#.utf8),
            what: "row")
        #expect(row.summary(hiding: ["secret"]) == "active true, in {a 1}, qty 2, sku MUG")
    }
}
