import Basics
import Contracts
import HTTP
import Sockets
import Support
import Testing

@testable import OrderService

/// `GET /v1/orders/{id}/events`, from the table to the bytes.
@Suite struct OrderStreamTests {
    @Test func `an order is followed live to its end`() async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench)
            let response = try await talk.open()
            #expect(response.headers["content-type"] == "text/event-stream")
            // Nobody polls: what arrives was signalled.
            try await StreamReader.reading(response) { reader in
                try await eventually("the first event") { reader.ids == ["1"] }
                try await talk.hear(
                    InventoryReplies.ReserveRejected(reason: .noStock), to: .reserve)
                try await eventually("the stream's end") { bench.signals.count == 0 }
                #expect(reader.ids == ["1", "2", "3"])
                #expect(reader.text.contains("event: OrderCancelled\n"))
            }
        }
    }

    @Test func `a client goes on after the last event it saw`() async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench, at: .confirmed)
            let rest = try await StreamReader.read(try await talk.open(after: "4"), on: bench.loop)
            #expect(rest.ids == ["5", "6"])
            for nothing in ["0", "-7", "none", "99999999999999999999"] {
                let response = try await talk.open(after: nothing)
                let all = try await StreamReader.read(response, on: bench.loop)
                #expect(all.ids.count == 6)
            }
        }
    }

    @Test(arguments: ["6", "7", "9223372036854775807"])
    func `the stream of a finished order ends although nothing is left`(last: String) async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench, at: .confirmed)
            let response = try await talk.open(after: last)
            let reader = try await StreamReader.read(response, on: bench.loop)
            #expect(reader.text == "")
        }
    }

    @Test func `an id ahead of the timeline hides no event to come`() async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench)
            try await StreamReader.reading(try await talk.open(after: "50")) { reader in
                try await eventually("the stream is open") { bench.signals.count == 1 }
                try await talk.hear(InventoryReplies.Reserved(), to: .reserve)
                try await eventually("the event") { reader.ids == ["2"] }
            }
        }
    }

    @Test func `a quiet stream beats`() async throws {
        var options = OrderBench.Options()
        options.streams.heartbeat = .milliseconds(20)
        try await OrderBench.run(options) { bench async throws in
            let talk = try await Dialogue.begin(bench)
            try await StreamReader.reading(try await talk.open(after: "1")) { reader in
                try await eventually("two heartbeats") {
                    reader.text.hasPrefix(": heartbeat\n\n: heartbeat\n\n")
                }
            }
        }
    }

    @Test func `another customer's order has no stream`() async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench)
            let reply = try await bench.ask(
                .get, "/v1/orders/\(talk.order.id)/events", as: .make())
            #expect(reply.status == 404)
            #expect(reply.code == "order_not_found")
        }
    }
}
