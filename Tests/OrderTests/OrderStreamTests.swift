import Basics
import Contracts
import HTTP
import Sockets
import Support
import Synchronization
import Testing

@testable import OrderService

/// `GET /v1/orders/{id}/events`, from the table to the bytes.
@Suite struct OrderStreamTests {
    /// What a client has read so far.
    private final class Reader: BodyWriter {
        private let bytes = Mutex<[UInt8]>([])

        func write(_ bytes: [UInt8]) async throws {
            try Task.checkCancellation()
            self.bytes.withLock { $0 += bytes }
        }

        var text: String { String(decoding: bytes.withLock { $0 }, as: UTF8.self) }

        var ids: [String] {
            var parser = ServerSentEventParser()
            // Ignored: what cannot be parsed is no event.
            return ((try? parser.append(bytes.withLock { $0 })) ?? []).compactMap(\.id)
        }
    }

    private func open(
        _ talk: Dialogue, after last: String? = nil
    ) async throws -> Response {
        var headers: Headers = [:]
        headers["last-event-id"] = last
        return try await talk.bench.respond(
            .get, "/v1/orders/\(talk.order.id)/events", as: talk.order.customerID,
            headers: headers)
    }

    /// Follows the stream to its end, which comes within a bound.
    private func read(_ response: Response, on loop: EventLoop) async throws -> Reader {
        let reader = Reader()
        guard case .stream(let write) = response.body else {
            Issue.record("no stream but \(response.status)")
            return reader
        }
        try await loop.withTimeout(.seconds(10)) { try await write(reader) }
        return reader
    }

    /// Follows the stream while `body` runs, then leaves it.
    private func reading(
        _ response: Response, _ body: (Reader) async throws -> Void
    ) async throws {
        let reader = Reader()
        guard case .stream(let write) = response.body else {
            Issue.record("no stream but \(response.status)")
            return
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do { try await write(reader) } catch is CancellationError {
                    // Ignored: this is how the test leaves.
                }
            }
            try await body(reader)
            group.cancelAll()
        }
    }

    @Test func `an order is followed live to its end`() async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench)
            let response = try await open(talk)
            #expect(response.headers["content-type"] == "text/event-stream")
            // The table is polled each minute only: what arrives was signalled.
            try await withThrowingTaskGroup(of: Reader.self) { group in
                group.addTask { try await read(response, on: bench.loop) }
                try await eventually("the stream is open") { bench.signals.count == 1 }
                try await talk.hear(
                    InventoryReplies.ReserveRejected(reason: .noStock), to: .reserve)
                let reader = try #require(try await group.next())
                #expect(reader.ids == ["1", "2", "3"])
                #expect(reader.text.contains("event: OrderCancelled\n"))
            }
            #expect(bench.signals.count == 0)
        }
    }

    @Test func `a client goes on after the last event it saw`() async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench, at: .confirmed)
            let rest = try await read(try await open(talk, after: "4"), on: bench.loop)
            #expect(rest.ids == ["5", "6"])
            for nothing in ["0", "-7", "none", "99999999999999999999"] {
                let all = try await read(try await open(talk, after: nothing), on: bench.loop)
                #expect(all.ids.count == 6)
            }
        }
    }

    @Test(arguments: ["6", "7", "9223372036854775807"])
    func `the stream of a finished order ends although nothing is left`(last: String) async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench, at: .confirmed)
            let reader = try await read(try await open(talk, after: last), on: bench.loop)
            #expect(reader.text == "")
        }
    }

    @Test func `an id ahead of the timeline hides no event to come`() async throws {
        try await OrderBench.run { bench async throws in
            let talk = try await Dialogue.begin(bench)
            try await reading(try await open(talk, after: "50")) { reader in
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
            try await reading(try await open(talk, after: "1")) { reader in
                try await eventually("two heartbeats") {
                    reader.text.hasPrefix(": heartbeat\n\n: heartbeat\n\n")
                }
            }
        }
    }

    @Test func `a customer has so many streams and no more, and others are not affected`()
        async throws
    {
        var options = OrderBench.Options()
        options.streams.perCustomer = 1
        options.streams.total = 2
        try await OrderBench.run(options) { bench async throws in
            let talk = try await Dialogue.begin(bench)
            let other = try await Dialogue.begin(bench)
            // Asked for before the first one was open.
            let twin = try await open(talk)
            try await reading(try await open(talk)) { _ in
                try await eventually("the stream is open") { bench.signals.count == 1 }
                let refused = try await open(talk)
                #expect(refused.status == 429)
                #expect(refused.headers["retry-after"] == "1")
                #expect(try await read(twin, on: bench.loop).text == "")
                try await reading(try await open(other)) { reader in
                    try await eventually("the other's event") { reader.ids == ["1"] }
                    let third = try await Dialogue.begin(bench)
                    #expect(try await open(third).status == 503)
                }
            }
            #expect(bench.signals.count == 0)
            #expect(try await open(talk).status == 200)
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
