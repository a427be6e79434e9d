package import Basics
import Synchronization

/// Takes ended spans. Callable from any thread; must return at once.
package protocol SpanSink: Sendable {
    func take(_ span: FinishedSpan)
}

/// Begins spans. A value that each part of a service gets; shaped like swift-distributed-tracing.
///
/// Without a sink, and in a trace that is not sampled, nothing is recorded and no attribute is made;
/// the context is carried on all the same, so that logs and other services keep the trace.
package struct Tracer: Sendable {
    /// Records nothing.
    package static let disabled = Tracer(sink: nil)

    private let sink: (any SpanSink)?
    private let sampler: Sampler
    private let random: RandomSource

    package init(
        sink: (any SpanSink)?, sampler: Sampler = .followingParent,
        random: RandomSource = .seeded(RandomSource.system.next())
    ) {
        self.sink = sink
        isEnabled = sink != nil
        self.sampler = sampler
        self.random = random
    }

    /// Whether spans go anywhere. Kept, since each request asks, and asking the sink is taking it out.
    package let isEnabled: Bool

    /// Begins a span; whoever begins it ends it. `withSpan` does both.
    ///
    /// - Parameters:
    ///   - name: of low cardinality: no id in it.
    ///   - parent: nil begins a new trace.
    package func start(
        _ name: @autoclosure () -> String, kind: SpanKind = .internal,
        parent: TraceContext? = .current, attributes: @autoclosure () -> SpanAttributes = [:]
    ) -> Span {
        guard isEnabled, let sink else { return Span(unrecorded: unrecorded(kind, below: parent)) }
        let context = parent?.child(using: random) ?? .root(using: random)
        guard sampler.samples(context, hasParent: parent != nil) else {
            return Span(
                unrecorded: (parent.map { unrecorded(kind, below: $0) } ?? context).sampled(false))
        }
        let now = WallTime.now()
        return Span(
            context.sampled(true),
            SpanRecord(
                FinishedSpan(
                    context: context.sampled(true), parentSpanID: parent?.spanID, name: name(),
                    kind: kind, start: now, end: now, attributes: attributes()),
                sink: sink))
    }

    /// Runs `body` inside a new span, which becomes the current one; an error of `body` is the
    /// span's.
    package func withSpan<Value>(
        _ name: @autoclosure () -> String, kind: SpanKind = .internal,
        parent: TraceContext? = .current, attributes: @autoclosure () -> SpanAttributes = [:],
        _ body: (Span) async throws -> Value
    ) async rethrows -> Value {
        try await start(name(), kind: kind, parent: parent, attributes: attributes()).run(body)
    }

    /// Begins a span below the current one; nil when there is none or nobody records it. For work
    /// that is also done outside of any request, such as a database's: polling makes no spans.
    package func startInside(
        _ name: @autoclosure () -> String, kind: SpanKind = .internal,
        attributes: @autoclosure () -> SpanAttributes = [:]
    ) -> Span? {
        guard sink != nil, let parent = TraceContext.current,
            sampler.samples(parent, hasParent: true)
        else { return nil }
        return start(name(), kind: kind, parent: parent, attributes: attributes())
    }

    /// Runs `body` inside a span below the current one; without one, or when nobody records it, just
    /// runs `body`.
    package func withSpanInside<Value>(
        _ name: @autoclosure () -> String, kind: SpanKind = .internal,
        attributes: @autoclosure () -> SpanAttributes = [:], _ body: () async throws -> Value
    ) async rethrows -> Value {
        guard let span = startInside(name(), kind: kind, attributes: attributes()) else {
            return try await body()
        }
        return try await span.run { _ in try await body() }
    }

    /// Runs `body` inside a span on behalf of a stored `traceparent`: a timer, a job, whatever goes on
    /// with work that began in another task. Without one, just runs `body`.
    package func withSpan<Value>(
        _ name: @autoclosure () -> String, resuming traceparent: String?,
        attributes: @autoclosure () -> SpanAttributes = [:], _ body: () async throws -> Value
    ) async rethrows -> Value {
        guard let parent = TraceContext(traceparent: traceparent) else { return try await body() }
        return try await withSpan(name(), parent: parent, attributes: attributes()) { _ in
            try await body()
        }
    }

    /// A span after the fact, for example a wait that is only known when it is over.
    package func record(
        _ name: @autoclosure () -> String, kind: SpanKind = .internal, parent: TraceContext,
        start: WallTime, end: WallTime, attributes: @autoclosure () -> SpanAttributes = [:]
    ) {
        guard let sink, sampler.samples(parent, hasParent: true) else { return }
        sink.take(
            FinishedSpan(
                context: parent.child(using: random).sampled(true), parentSpanID: parent.spanID,
                name: name(), kind: kind, start: start, end: max(start, end),
                attributes: attributes()))
    }

    /// Work that crosses to another process gets a place of its own even when it is not recorded
    /// (TC-1); other work keeps its parent's.
    private func unrecorded(_ kind: SpanKind, below parent: TraceContext?) -> TraceContext {
        guard let parent else { return .root(using: random) }
        switch kind {
        case .server, .client, .producer: return parent.child(using: random)
        case .internal, .consumer: return parent
        }
    }
}

/// Keeps ended spans in memory for tests.
package final class MemorySpans: SpanSink {
    private let kept = Mutex<[FinishedSpan]>([])

    package init() {}

    /// Keeps it.
    package func take(_ span: FinishedSpan) { kept.withLock { $0.append(span) } }

    /// In the order in which they ended.
    package var spans: [FinishedSpan] { kept.withLock { $0 } }
}
