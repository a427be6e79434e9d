import Basics
import HTTP
import Support
import Testing

@testable import OrderService

/// The places of streams, and who is told what.
@Suite struct TimelineSignalsTests {
    private struct Gone: Error {}

    /// A client that is gone before the first byte.
    private struct NoClient: BodyWriter {
        func write(_ bytes: [UInt8]) async throws { throw Gone() }
    }

    private func limited(total: Int, perCustomer: Int) -> OrderBench.Options {
        var options = OrderBench.Options()
        options.streams.total = total
        options.streams.perCustomer = perCustomer
        return options
    }

    /// Asks for all streams at the same time; no response is used before the last one is there.
    private func openAtOnce(_ talks: [Dialogue]) async throws -> [Response] {
        try await withThrowingTaskGroup(of: Response.self) { group in
            for talk in talks { group.addTask { try await talk.open() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    private func code(_ response: Response) throws -> String? {
        guard case .bytes(let bytes) = response.body else { return nil }
        return try JSONCoding.decode(JSONValue.self, from: bytes)["code"]?.text
    }

    @Test func `requests at the same time do not exceed a customer's streams`() async throws {
        try await OrderBench.run(limited(total: 100, perCustomer: 2)) { bench async throws in
            let talk = try await Dialogue.begin(bench)
            let responses = try await openAtOnce(Array(repeating: talk, count: 6))
            #expect(responses.count { $0.status == 200 } == 2)
            for refused in responses where refused.status != 200 {
                #expect(refused.status == 429)
                #expect(try code(refused) == "too_many_streams")
                #expect(refused.headers["retry-after"] == "1")
            }
            #expect(bench.signals.count == 2)
            let other = try await Dialogue.begin(bench)
            #expect(try await other.open().status == 200)
        }
    }

    @Test func `requests at the same time do not exceed the process's streams`() async throws {
        try await OrderBench.run(limited(total: 2, perCustomer: 20)) { bench async throws in
            var talks: [Dialogue] = []
            for _ in 0..<4 { talks.append(try await Dialogue.begin(bench)) }
            let responses = try await openAtOnce(talks)
            #expect(responses.count { $0.status == 200 } == 2)
            for refused in responses where refused.status != 200 {
                #expect(refused.status == 503)
                #expect(try code(refused) == "overloaded")
                #expect(refused.headers["retry-after"] != nil)
            }
            #expect(bench.signals.count == 2)
        }
    }

    @Test func `a place is given back however its stream ends`() async throws {
        try await OrderBench.run(limited(total: 1, perCustomer: 1)) { bench async throws in
            let talk = try await Dialogue.begin(bench)
            // Never begun: each response is dropped at once.
            for _ in 0..<3 { #expect(try await talk.open().status == 200) }
            #expect(bench.signals.count == 0)

            // Cut and cancelled, while the response is still held.
            let cut = try await talk.open()
            guard case .stream(_, let write) = cut.body else { throw Gone() }
            await #expect(throws: Gone.self) { try await write(NoClient()) }
            #expect(bench.signals.count == 0)
            let left = try await talk.open()
            try await StreamReader.reading(left) { reader in
                try await eventually("the first event") { reader.ids == ["1"] }
                #expect(bench.signals.count == 1)
            }
            #expect(bench.signals.count == 0)

            // Ended.
            let ended = try await Dialogue.begin(bench, at: .confirmed)
            let response = try await ended.open()
            #expect(try await StreamReader.read(response, on: bench.loop).ids.count == 6)
            #expect(bench.signals.count == 0)
            #expect(bench.signals.followed.isEmpty)
            #expect(cut.status + left.status + response.status == 600)
        }
    }

    @Test func `only a stream that is behind is told what was polled`() throws {
        let signals = TimelineSignals(limits: OrderBench.Options().streams)
        let (order, customer) = (OrderID.make(), CustomerID.make())
        let early = try signals.join(order, for: customer, after: 2)
        let late = try signals.join(order, for: customer, after: 3)
        #expect(early.follower.takeBehind() && late.follower.takeBehind(), "each reads once")
        signals.reached(3, of: order)
        #expect(early.follower.takeBehind())
        #expect(!late.follower.takeBehind())
        late.follower.noteSent(4)
        signals.reached(4, of: order)
        #expect(!late.follower.takeBehind())
        signals.changed(order)
        #expect(late.follower.takeBehind(), "a commit of this process is always looked at")
    }
}
