package import Basics
import Synchronization

/// Which side of a call a span stands for; the raw values are those of OTLP.
package enum SpanKind: Int, Sendable, Hashable {
    case `internal` = 1
    case server, client, producer, consumer
}

/// One attribute's value.
package typealias AttributeValue = LogValue
/// Attributes by name; names follow the OpenTelemetry semantic conventions, our own begin with
/// `mercato.`.
package typealias SpanAttributes = [String: AttributeValue]

/// What is handed to the exporter: a span that has ended.
package struct FinishedSpan: Sendable, Equatable {
    package let context: TraceContext
    /// Nil for the root of a trace.
    package let parentSpanID: UInt64?
    package var name: String
    package let kind: SpanKind
    package let start: WallTime
    package var end: WallTime
    package var attributes: SpanAttributes
    /// Why the work failed; nil when it did not.
    package var failure: String?

    package init(
        context: TraceContext, parentSpanID: UInt64?, name: String, kind: SpanKind,
        start: WallTime, end: WallTime, attributes: SpanAttributes = [:], failure: String? = nil
    ) {
        self.context = context
        self.parentSpanID = parentSpanID
        self.name = name
        self.kind = kind
        self.start = start
        self.end = end
        self.attributes = attributes
        self.failure = failure
    }
}

/// A piece of work under way: its place in the trace and, when somebody records the trace, what is
/// known about it. A value that may be copied; any thread.
package struct Span: Sendable {
    /// The attributes of one span at most; further ones are dropped.
    package static let attributesMax = 64

    /// What the current task works on. Inherited by child tasks, not by threads and timers.
    @TaskLocal package static var current: Span?

    package let context: TraceContext
    private let record: SpanRecord?

    /// A span that nobody records: a place in the trace, for work on behalf of a stored context.
    package init(unrecorded context: TraceContext) {
        self.context = context
        record = nil
    }

    init(_ context: TraceContext, _ record: SpanRecord) {
        self.context = context
        self.record = record
    }

    /// False when attributes would be made for nobody.
    package var isRecording: Bool { record != nil }

    /// Sets an attribute; the value is not made unless the span is recorded.
    package func set(_ key: String, _ value: @autoclosure () -> AttributeValue) {
        guard let record else { return }
        record.set(key, value())
    }

    /// Marks the work as failed. The description is for people, and must not hold secrets.
    package func setError(_ description: String) { record?.change { $0.failure = description } }

    /// Marks the work as failed by `error`, with its class as `error.type`.
    package func setError(_ error: any Error) {
        guard let record else { return }
        record.set("error.type", .string(SpanFailure.type(of: error)))
        setError(SpanFailure.description(of: error))
    }

    /// Ends the span and hands it on; a second call does nothing.
    package func end() { record?.end() }

    /// Ends the span as failed.
    package func end(failed error: any Error) {
        setError(error)
        end()
    }

    /// Runs `body` as this span's work, and ends it: as failed when `body` throws.
    ///
    /// The closure names the isolation, so it stays in it. Without that `body` would run in none, and
    /// each return of an asynchronous call inside of it would be a trip through the loop's queue.
    package func run<Value>(
        isolation: isolated (any Actor)? = #isolation, _ body: (Span) async throws -> Value
    ) async rethrows -> Value {
        do {
            let value = try await Span.$current.withValue(
                self,
                operation: {
                    _ = isolation
                    return try await body(self)
                }, isolation: isolation)
            end()
            return value
        } catch {
            end(failed: error)
            throw error
        }
    }

    /// Runs `body` with this span as the current one; whoever began the span ends it.
    package func bind<Value>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value
    ) async rethrows -> Value {
        try await Span.$current.withValue(
            self,
            operation: {
                _ = isolation
                return try await body()
            }, isolation: isolation)
    }
}

extension TraceContext {
    /// The place in its trace of what the current task does; nil outside of any trace.
    package static var current: TraceContext? { Span.current?.context }
}

/// An error that knows its low-cardinality class better than by its type's name.
package protocol SpanFailureNaming {
    /// For `error.type`, for example `connection_lost`.
    var spanFailureType: String { get }
}

/// What a span says about an error.
enum SpanFailure {
    static func type(of error: any Error) -> String {
        (error as? any SpanFailureNaming)?.spanFailureType ?? "\(Swift.type(of: error))"
    }

    static func description(of error: any Error) -> String { String(describing: error) }
}

/// The part of a span that changes.
final class SpanRecord: Sendable {
    private let sink: any SpanSink
    private let began = MonotonicInstant.now
    private let span: Mutex<FinishedSpan?>

    init(_ span: FinishedSpan, sink: any SpanSink) {
        self.sink = sink
        self.span = Mutex(span)
    }

    func change(_ body: (inout FinishedSpan) -> Void) {
        span.withLock { span in
            guard var changed = span else { return }
            span = nil  // So that the attributes are changed in place.
            body(&changed)
            span = changed
        }
    }

    func set(_ key: String, _ value: AttributeValue) {
        change { span in
            guard span.attributes.count < Span.attributesMax || span.attributes[key] != nil else {
                return
            }
            span.attributes[key] = value
        }
    }

    func end() {
        let ended = span.withLock { span in
            let ended = span
            span = nil
            return ended
        }
        guard var ended else { return }
        // The length comes from the monotonic clock: a calendar that is set back must not give a
        // span that ends before it began.
        ended.end = ended.start.advanced(by: began.duration(to: .now))
        sink.take(ended)
    }
}
