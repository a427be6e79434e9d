import Basics
import Configuration
import Foundation
import HTTP
import HTTPClient
import Sockets
import Support
import Telemetry
import Testing

@testable import ServiceKit

@Suite(.timeLimit(.minutes(1))) struct SpanExporterTests {
    private struct Bench {
        let collector: TraceCollector
        let exporter: SpanExporter
        let metrics: MetricsRegistry
        let tracer: Tracer
        let run: Task<Void, any Error>

        /// Ends the exporter as a service's end does.
        func stop() async {
            run.cancel()
            _ = await run.result
        }

        func dropped(_ reason: String) -> Int64 {
            metrics.counter(
                "otlp_spans_dropped_total", help: "", labels: ["reason": reason]
            ).value
        }

        var exported: Int64 { metrics.counter("otlp_spans_exported_total", help: "").value }
    }

    /// `endpoint` replaces the collector's.
    private func withExporter(
        _ environment: [String: String] = [:], endpoint: String? = nil,
        _ body: @Sendable (Bench) async throws -> Void
    ) async throws {
        try await TestLoop.run { loop in
            try await TraceCollector.run(on: loop) { collector in
                var values = ["OTEL_BSP_SCHEDULE_DELAY": "10"].merging(environment) { $1 }
                values["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint ?? collector.endpoint
                let settings = try #require(
                    try TracingSettings.read(EnvironmentReader(values), service: "test"))
                let metrics = QuietLog.metrics()
                let exporter = SpanExporter(
                    settings, loop: loop, logger: QuietLog.logger(), metrics: metrics)
                let run = Task(executorPreference: loop) { try await exporter.run() }
                let bench = Bench(
                    collector: collector, exporter: exporter, metrics: metrics,
                    tracer: Tracer(sink: exporter.queue), run: run)
                do {
                    try await body(bench)
                } catch {
                    await bench.stop()
                    throw error
                }
                await bench.stop()
            }
        }
    }

    @Test func `ended spans arrive with their resource and headers, outside of any trace`()
        async throws
    {
        try await withExporter(["OTEL_EXPORTER_OTLP_HEADERS": "x-token=t"]) { bench in
            bench.tracer.start("one", kind: .server, parent: nil, attributes: ["n": 7]).end()
            try await eventually("the span arrives") { bench.collector.spans.count == 1 }
            let (span, delivery) = (bench.collector.spans[0], bench.collector.deliveries[0])
            #expect(span.name == "one" && span.service == "test" && span.kind == 2)
            #expect(span.attributes["n"] == "7")
            #expect(delivery.headers["content-type"] == "application/json")
            #expect(delivery.headers["x-token"] == "t")
            #expect(delivery.headers["traceparent"] == nil)
            try await eventually("it is counted") { bench.exported == 1 }
        }
    }

    @Test func `a full batch does not wait for the schedule`() async throws {
        let slow = [
            "OTEL_BSP_SCHEDULE_DELAY": "600000", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "3",
        ]
        try await withExporter(slow) { bench in
            for _ in 0..<7 { bench.tracer.start("s", parent: nil).end() }
            try await eventually("two full batches") { bench.collector.spans.count >= 6 }
            #expect(bench.collector.deliveries.count <= 3)
        }
    }

    @Test func `what waits at the end is delivered`() async throws {
        try await withExporter(["OTEL_BSP_SCHEDULE_DELAY": "600000"]) { bench in
            for _ in 0..<5 { bench.tracer.start("last", parent: nil).end() }
            await bench.stop()
            #expect(bench.collector.spans.count == 5)
            #expect(bench.exported == 5)
        }
    }

    @Test(arguments: [429, 502, 503, 504])
    func `a transient answer is tried again`(status: Int) async throws {
        try await withExporter { bench in
            bench.collector.answer([.empty(status, headers: ["retry-after": "0"])])
            bench.tracer.start("s", parent: nil).end()
            try await eventually("the second attempt") { bench.collector.spans.count == 1 }
            #expect(bench.collector.deliveries.count == 2)
        }
    }

    @Test(arguments: [400, 404, 500])
    func `any other refusal drops the batch, counted`(status: Int) async throws {
        try await withExporter { bench in
            bench.collector.answer([.empty(status)])
            bench.tracer.start("s", parent: nil).end()
            try await eventually("it is counted") { bench.dropped("rejected") == 1 }
            bench.tracer.start("t", parent: nil).end()
            try await eventually("the next one arrives") { bench.collector.spans.map(\.name) == ["t"] }
        }
    }

    @Test func `spans that a collector rejects of a batch are counted`() async throws {
        try await withExporter { bench in
            bench.collector.answer([
                .bytes(
                    200, Array(#"{"partialSuccess":{"rejectedSpans":"1"}}"#.utf8),
                    type: "application/json")
            ])
            bench.tracer.start("s", parent: nil).end()
            try await eventually("it is counted") { bench.dropped("rejected") == 1 }
            #expect(bench.exported == 0)
        }
    }

    @Test func `a full queue drops the newest and nobody waits`() async throws {
        let small = ["OTEL_BSP_MAX_QUEUE_SIZE": "4", "OTEL_BSP_SCHEDULE_DELAY": "600000"]
        try await withExporter(small, endpoint: "http://127.0.0.1:1") { bench in
            // The exporter may take one batch out of the queue meanwhile.
            for _ in 0..<20 { bench.tracer.start("s", parent: nil).end() }
            #expect(bench.dropped("queue_full") >= 12)
            let started = ContinuousClock.now
            await bench.stop()
            #expect(started.duration(to: .now) < SpanExporter.flushMax + .seconds(2))
            #expect(bench.dropped("queue_full") + bench.dropped("shutdown") == 20)
        }
    }

    @Test func `a process whose collector is away still ends in time`() async throws {
        let (context, _) = try TestService.makeContext()
        defer { context.loop.stop() }
        let settings = try #require(
            try TracingSettings.read(
                EnvironmentReader(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"]),
                service: "test"))
        let exporter = SpanExporter(
            settings, loop: context.loop, logger: context.logger, metrics: context.metrics)
        Tracer(sink: exporter.queue).start("s", parent: nil).end()
        let runtime = ServiceRuntime(
            context: context, composition: Composition(operationsPort: 0),
            settings: RuntimeSettings(), exporter: exporter)
        try await withTaskExecutorPreference(context.loop) {
            try await runtime.run { _ in runtime.shutDown(because: "test") }
        }
        #expect(
            context.metrics.counter(
                "otlp_spans_dropped_total", help: "", labels: ["reason": "shutdown"]
            ).value == 1)
    }
}

@Suite struct DeliveryVerdictTests {
    private let now = WallTime(microseconds: 784_111_777_000_000)

    @Test func `Retry-After is read in seconds and as a date`() {
        #expect(DeliveryVerdict.wait("7", now: now) == .seconds(7))
        #expect(DeliveryVerdict.wait("Sun, 06 Nov 1994 08:49:47 GMT", now: now) == .seconds(10))
        #expect(DeliveryVerdict.wait("Sun, 06 Nov 1994 08:49:30 GMT", now: now) == .zero)
        #expect(DeliveryVerdict.wait("soon", now: now) == nil)
        #expect(DeliveryVerdict.wait("-1", now: now) == nil)
    }

    @Test func `a collector that is away is worth another attempt, a wrong request is not`() {
        #expect(
            DeliveryVerdict.judge(ClientError(.connectFailed, "x"))
                == .again("connectFailed", after: nil))
        #expect(
            DeliveryVerdict.judge(ClientError(.invalidRequest, "x")) == .refused("invalidRequest"))
    }

    @Test func `rejected spans are a string or a number, and a foreign body is none`() {
        func verdict(_ body: String) -> DeliveryVerdict {
            .judge(status: 200, headers: [:], body: Array(body.utf8), now: now)
        }
        #expect(verdict(#"{"partialSuccess":{"rejectedSpans":"3"}}"#) == .delivered(rejected: 3))
        #expect(verdict(#"{"partialSuccess":{"rejectedSpans":3}}"#) == .delivered(rejected: 3))
        #expect(verdict(#"{"partialSuccess":{}}"#) == .delivered(rejected: 0))
        #expect(verdict("ok") == .delivered(rejected: 0))
        #expect(verdict("") == .delivered(rejected: 0))
    }
}
