import Basics
import Contracts
import HTTP
import Postgres
import Support
import Telemetry
import Testing

@testable import OrderService

/// What the saga tells about itself in its order's trace.
@Suite struct CheckoutTraceTests {
    private let sink = MemorySpans()
    private let stored = TraceContext.root()

    private var options: OrderBench.Options {
        var options = OrderBench.Options()
        options.tracer = Tracer(sink: sink)
        return options
    }

    @Test func `a timer goes on in the trace that the saga has stored`() async throws {
        let (sink, stored) = (sink, stored)
        try await OrderBench.run(options) { bench async throws in
            let talk = try await Dialogue.begin(bench, traceparent: stored.traceparent)
            #expect(try await talk.tick())
            let timer = try #require(sink.spans.first { $0.name == "saga timer" })
            #expect(timer.parentSpanID == stored.spanID)
            #expect(timer.attributes["mercato.order_id"] == .string("\(talk.order.id)"))
            let resent = try #require(
                TraceContext(traceparent: try await talk.command(.reserve).traceparent))
            #expect(resent == timer.context)
        }
    }

    @Test func `a transition is a span, and what it sends hangs below it`() async throws {
        let (sink, stored) = (sink, stored)
        try await OrderBench.run(options) { bench async throws in
            let talk = try await Dialogue.begin(bench, traceparent: stored.traceparent)
            try await Span(unrecorded: stored).bind {
                try await talk.hear(InventoryReplies.Reserved(), to: .reserve)
            }
            let move = try #require(
                sink.spans.first { $0.name == "saga RESERVING to AUTHORIZING" })
            #expect(move.attributes["mercato.saga.to"] == "AUTHORIZING")
            let command = try #require(
                TraceContext(traceparent: try await talk.command(.authorize).traceparent))
            #expect(command == move.context)
        }
    }

    @Test func `outside of any trace a saga makes no spans`() async throws {
        let sink = sink
        try await OrderBench.run(options) { bench async throws in
            let talk = try await Dialogue.begin(bench, at: .confirmed)
            #expect(sink.spans.isEmpty)
            #expect(try await talk.sent().allSatisfy { $0.envelope.traceparent == nil })
        }
    }

    @Test func `an order's view names its trace`() async throws {
        let stored = stored
        try await OrderBench.run(options) { bench async throws in
            let talk = try await Dialogue.begin(bench, traceparent: stored.traceparent)
            let view = try await bench.ask(
                .get, "/v1/orders/\(talk.order.id)", as: talk.order.customerID)
            #expect(view.json["trace_id"]?.text == stored.traceIDText)
        }
    }
}
