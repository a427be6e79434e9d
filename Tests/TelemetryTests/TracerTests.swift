import Basics
import Foundation
import Testing

@testable import Telemetry

@Suite struct TracerTests {
    private struct Broken: Error {}

    private let sink = MemorySpans()
    private var tracer: Tracer { Tracer(sink: sink, random: .seeded(7)) }

    @Test func `a span inside another is its child, and ends first`() async throws {
        let tracer = tracer
        await tracer.withSpan("outer", kind: .server, parent: nil) { outer in
            #expect(TraceContext.current == outer.context)
            await tracer.withSpan("inner", attributes: ["n": 1]) { inner in
                inner.set("late", "yes")
                #expect(TraceContext.current == inner.context)
            }
            #expect(TraceContext.current == outer.context)
        }
        #expect(TraceContext.current == nil)
        #expect(sink.spans.map(\.name) == ["inner", "outer"])
        let (inner, outer) = (sink.spans[0], sink.spans[1])
        #expect(outer.parentSpanID == nil && inner.parentSpanID == outer.context.spanID)
        #expect(inner.context.traceIDText == outer.context.traceIDText)
        #expect(inner.attributes == ["n": 1, "late": "yes"])
        #expect(outer.start <= inner.start && inner.end <= outer.end)
        #expect(outer.kind == .server && inner.kind == .internal && inner.failure == nil)
    }

    @Test func `an error of the body is the span's, and is thrown on`() async {
        await #expect(throws: Broken.self) {
            try await tracer.withSpan("work", parent: nil) { _ in throw Broken() }
        }
        #expect(sink.spans.first?.failure == "Broken()")
        #expect(sink.spans.first?.attributes["error.type"] == "Broken")
    }

    @Test func `a span ends once, and later changes are for nobody`() {
        let span = tracer.start("once", parent: nil)
        span.end()
        span.set("k", 1)
        span.end()
        #expect(sink.spans.count == 1 && sink.spans[0].attributes.isEmpty)
    }

    @Test func `a span holds a bounded number of attributes`() {
        let span = tracer.start("wide", parent: nil)
        for index in 0..<(Span.attributesMax + 5) { span.set("k\(index)", .integer(Int64(index))) }
        span.set("k0", "changed")
        span.end()
        #expect(sink.spans[0].attributes.count == Span.attributesMax)
        #expect(sink.spans[0].attributes["k0"] == "changed")
    }

    @Test func `child tasks inherit the place in the trace`() async {
        await tracer.withSpan("outer", parent: nil) { outer in
            async let seen = TraceContext.current
            #expect(await seen == outer.context)
        }
    }

    @Test func `a trace that is not sampled is carried on but not recorded`() async throws {
        let caller = try #require(
            TraceContext(traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"))
        await tracer.withSpan("server", kind: .server, parent: caller, attributes: Self.unwanted()) {
            #expect(!$0.isRecording && !$0.context.isSampled)
            #expect($0.context.traceIDText == caller.traceIDText)
            $0.set("k", Self.unwanted()["k"] ?? "")
            #expect(tracer.startInside("query") == nil)
        }
        tracer.record("wait", parent: caller, start: .now(), end: .now())
        #expect(sink.spans.isEmpty)
    }

    @Test func `without a sink no attribute is made, and the trace goes on`() async throws {
        let caller = TraceContext.root()
        await Tracer.disabled.withSpan("s", kind: .server, parent: caller, attributes: Self.unwanted()) {
            #expect($0.context.traceIDText == caller.traceIDText)
            #expect($0.context.spanID != caller.spanID && $0.context.isSampled)
        }
        await Tracer.disabled.withSpan("i", parent: caller) { #expect($0.context == caller) }
        await Tracer.disabled.withSpan("root", parent: nil) { #expect($0.context.isSampled) }
    }

    private static func unwanted() -> SpanAttributes {
        Issue.record("attributes were made for nobody")
        return ["k": 1]
    }

    @Test func `work outside of any trace begins none by itself`() {
        #expect(tracer.startInside("query") == nil)
    }

    @Test func `a span after the fact has its own times, never ending before it began`() {
        let parent = TraceContext.root()
        let (early, late) = (WallTime(microseconds: 5), WallTime(microseconds: 9))
        tracer.record("wait", parent: parent, start: early, end: late)
        tracer.record("odd", parent: parent, start: late, end: early)
        #expect(sink.spans.map(\.start) == [early, late] && sink.spans.map(\.end) == [late, late])
        #expect(sink.spans.allSatisfy { $0.parentSpanID == parent.spanID })
    }

    @Test func `a log line inside a span names both ids, unless the caller does`() async throws {
        let lines = MemorySink()
        let logger = Logger(service: "s", sink: lines)
        logger.info("before")
        await tracer.withSpan("work", parent: nil) { span in
            logger.info("inside")
            logger.info("named", ["trace_id": "other"])
            #expect(lines.lines[1].contains(#""trace_id":"\#(span.context.traceIDText)""#))
            #expect(lines.lines[1].contains(#""span_id":"\#(span.context.spanIDText)""#))
        }
        #expect(!lines.lines[0].contains("trace_id"))
        #expect(lines.lines[2].contains(#""trace_id":"other""#))
    }
}

@Suite struct SamplerTests {
    private func draws(_ share: Double) -> Int {
        let random = RandomSource.seeded(3)
        let sampler = Sampler(root: .share(share), followsParent: true)
        return (0..<10_000).filter { _ in
            sampler.samples(.root(using: random), hasParent: false)
        }.count
    }

    @Test func `a share of traces is about that share`() {
        #expect(draws(0) == 0)
        #expect(draws(1) == 10_000)
        #expect((2_300...2_700).contains(draws(0.25)))
    }

    @Test func `the caller's decision counts only when it is followed`() {
        let no = TraceContext.root().sampled(false)
        #expect(!Sampler.followingParent.samples(no, hasParent: true))
        #expect(Sampler.followingParent.samples(no, hasParent: false))
        #expect(Sampler(root: .always, followsParent: false).samples(no, hasParent: true))
        #expect(!Sampler(root: .never, followsParent: false).samples(.root(), hasParent: true))
        #expect(Sampler(root: .never, followsParent: true).samples(.root(), hasParent: true))
    }
}
