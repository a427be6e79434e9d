import Basics
import NativeServers
import Support
import Testing

@testable import Mercatoctl

@Suite struct ShowOrderTests {
    private static let order = GoodBooks.confirmed.description

    private static let audits: [String: [String]] = [
        "order": [
            #"{"t":"orders","r":{"order_id":"\#(order)","total_minor":2405,"currency":"EUR","customer_id":"c"}}"#,
            #"{"t":"saga_log","r":{"order_id":"\#(order)","seq":1,"from_state":"NEW","to_state":"RESERVING"}}"#,
            #"{"t":"saga_log","r":{"order_id":"\#(order)","seq":2,"from_state":"RESERVING","to_state":"AUTHORIZING"}}"#,
            #"{"t":"orders","r":{"order_id":"\#(GoodBooks.declined)","total_minor":77,"currency":"EUR"}}"#,
        ],
        "inventory": [
            #"{"t":"reservations","r":{"order_id":"\#(order)","status":"HELD","lines_hash":"abc"}}"#,
        ],
        "payment": [
            #"{"t":"payments","r":{"order_id":"\#(order)","status":"AUTHORIZED","captured":0,"voided":false}}"#,
        ],
        "payment-provider": [
            #"{"t":"journal","r":{"seq":7,"key":"k","merchant_reference":"\#(order)","kind":"authorize","outcome":"approved","evidence":{}}}"#,
        ],
    ]

    private func show(_ id: String) async throws -> [String] {
        let output = Output()
        let settings = try StackSettings(["MERCATO_HOME": try ScratchFolder.make("show")])
        let code = try await TestLoop.run { loop in
            try await Commands(
                stack: Stack(settings, terminal: output.terminal, interruption: Interruption()),
                calls: FakeAudits(Self.audits), loop: loop
            ).run(.showOrder(id: id))
        }
        #expect(code == .done)
        return output.lines
    }

    @Test func `every service's rows of the order are shown under their tables, the order first`()
        async throws
    {
        let lines = try await show(Self.order)
        #expect(
            lines == [
                "order \(Self.order)",
                "order: orders", "  currency EUR, total_minor 2405",
                "order: saga_log", "  from_state NEW, seq 1, to_state RESERVING",
                "  from_state RESERVING, seq 2, to_state AUTHORIZING",
                "inventory: reservations", "  status HELD",
                "payment: payments", "  captured 0, status AUTHORIZED, voided false",
                "payment-provider: journal", "  evidence {}, key k, kind authorize, outcome approved, seq 7",
            ])
    }

    @Test func `another spelling of the id finds the order, too`() async throws {
        #expect(try await show(Self.order.uppercased()).first == "order \(Self.order)")
    }

    @Test func `an order that nobody knows is a failure that says so`() async throws {
        let failure = await #expect(throws: CommandFailure.self) {
            _ = try await show(GoodBooks.stranger.description)
        }
        #expect(failure?.code == .failed)
        #expect(failure?.message == "no service knows the order \(GoodBooks.stranger)")
    }

    @Test func `what is no id is a mistake in usage`() async throws {
        let failure = await #expect(throws: CommandFailure.self) { _ = try await show("order-1") }
        #expect(failure?.code == .usage)
    }
}
