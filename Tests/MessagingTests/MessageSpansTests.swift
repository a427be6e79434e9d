import Basics
import Contracts
import Kafka
import Postgres
import Support
import Telemetry
import Testing

@testable import Messaging

/// The trace's way through outbox, record and inbox.
@Suite struct MessageSpansTests {
    private let sink = MemorySpans()
    private var tracer: Tracer { Tracer(sink: sink) }

    private func publish(_ message: OutgoingMessage, on bench: Bench) async throws {
        let relay = bench.relay()
        try await bench.running([relay]) {
            try await bench.pool.execute(Outbox.statement(for: message))
            try await eventually("outbox drained") {
                try await bench.count("outbox WHERE published_at IS NULL") == 0
            }
        }
    }

    private func consumed(_ record: ProducerRecord) -> ConsumedRecord {
        ConsumedRecord(
            topic: record.topic, partition: record.partition, offset: 5, key: record.key,
            value: record.value, headers: record.headers.map { (name: $0.0, value: $0.1) })
    }

    private func span(_ name: String) throws -> FinishedSpan {
        try #require(sink.spans.first { $0.name == name }, "\(sink.spans.map(\.name))")
    }

    @Test func `wait and sending hang below the stored context, the processing below the sending`()
        async throws
    {
        try await Bench.run("spans_chain", tracer: tracer) { bench async throws in
            let message = try message()
            let stored = try #require(TraceContext(traceparent: message.envelope.traceparent))
            try await publish(message, on: bench)
            let (wait, send) = (try span("outbox wait"), try span("send order.replies.v1"))
            #expect(wait.parentSpanID == stored.spanID && send.parentSpanID == stored.spanID)
            #expect(send.kind == .producer && wait.end <= send.end)
            #expect(send.attributes["messaging.kafka.offset"] == 1)
            #expect(send.attributes["mercato.message.type"] == "Reserved")

            let record = try #require(bench.publisher.records.first)
            #expect(record.headers.filter { $0.0 == "traceparent" }.count == 1)
            let seen = Tally()
            let processor = bench.processor(
                handler: ClosureHandler { message, _ in
                    // Whoever makes messages here continues this trace.
                    let reply = try OutgoingMessage.reply(
                        InventoryReplies.Reserved(), to: message.envelope)
                    #expect(reply.envelope.traceparent == TraceContext.current?.traceparent)
                    #expect(TraceContext.current?.traceIDText == stored.traceIDText)
                    seen.add()
                })
            for _ in 0..<2 {
                #expect(try await processor.process(consumed(record), patience: .seconds(5)))
            }
            #expect(seen.count == 1)
            let processings = sink.spans.filter { $0.name == "process order.replies.v1" }
            #expect(
                processings.map { $0.attributes["mercato.message.outcome"] }
                    == ["handled", "duplicate"])
            #expect(processings.allSatisfy { $0.parentSpanID == send.context.spanID })
            #expect(try span("sql handle message").parentSpanID == processings[0].context.spanID)
            #expect(sink.spans.allSatisfy { $0.context.traceIDText == stored.traceIDText })
        }
    }

    @Test func `a sending that fails is told, and the next one is in the same trace`() async throws {
        try await Bench.run("spans_failed", tracer: tracer) { bench async throws in
            bench.publisher.failNext([KafkaError(.timedOut, "away")])
            try await publish(try message(), on: bench)
            let sends = sink.spans.filter { $0.name == "send order.replies.v1" }
            #expect(sends.map { $0.failure != nil } == [true, false])
            #expect(sink.spans.filter { $0.name == "outbox wait" }.count == 1)
        }
    }

    @Test func `poison fails its span`() async throws {
        try await Bench.run("spans_poison", tracer: tracer) { bench async throws in
            let processor = bench.processor(
                handler: ClosureHandler { _, _ in
                    throw Poison(.invariant, code: "contradiction", "cannot be")
                })
            _ = try await processor.process(record(of: try message()), patience: .seconds(5))
            let processing = try span("process order.replies.v1")
            #expect(processing.attributes["error.type"] == "contradiction")
            #expect(processing.failure != nil)
            #expect(try span("sql park message").failure == nil)
        }
    }

    @Test func `an old message makes no spans, and keeps its trace for the log`() async throws {
        let old = WallTime.now().advanced(by: .zero - MessageSpans.ageMax - .seconds(1))
        try await Bench.run("spans_old", tracer: tracer) { bench async throws in
            let message = try message(at: old)
            try await publish(message, on: bench)
            let sent = try #require(bench.publisher.records.first)
            let envelope = try Envelope(headers: sent.headers.map { (name: $0.0, value: $0.1) })
            #expect(envelope == message.envelope)
            let processor = bench.processor(
                handler: ClosureHandler { _, _ in
                    #expect(TraceContext.current?.isSampled == false)
                })
            _ = try await processor.process(consumed(sent), patience: .seconds(5))
            #expect(sink.spans.isEmpty)
        }
    }

    @Test func `a relay with nothing to do makes no spans`() async throws {
        try await Bench.run("spans_idle", tracer: tracer) { bench async throws in
            try await publish(try message(), on: bench)
            let count = sink.spans.count
            #expect(count == 2)
        }
    }
}
