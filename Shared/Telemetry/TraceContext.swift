package import Basics

/// The position of a piece of work in a distributed trace (W3C Trace Context, level 2; TC-1).
package struct TraceContext: Sendable, Hashable {
    /// 128 bits shared by everything one request caused; never zero.
    package let traceHigh: UInt64
    package let traceLow: UInt64
    /// This piece of work; never zero.
    package let spanID: UInt64
    /// Bit 0: sampled. Bit 1: the trace id is random (level 2). Other bits are not passed on.
    package let flags: UInt8
    /// Other vendors' state, checked and normalised; empty when there is none.
    package let state: String

    /// Somebody records this trace.
    package static let sampledFlag: UInt8 = 0x01
    /// The lower 56 bits of the trace id are random (level 2).
    package static let randomFlag: UInt8 = 0x02

    init(traceHigh: UInt64, traceLow: UInt64, spanID: UInt64, flags: UInt8, state: String) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.spanID = spanID
        self.flags = flags
        self.state = state
    }

    /// Reads the headers of a request. Nil means: begin a new trace and drop the state (TC-1).
    /// A malformed `tracestate` alone is dropped and the trace kept.
    package init?(traceparent: String?, tracestate: String? = nil) {
        guard let traceparent else { return nil }
        self.init(traceparents: [traceparent], tracestates: tracestate.map { [$0] } ?? [])
    }

    /// As above, from all header lines: a second `traceparent` is malformed, several `tracestate`
    /// lines are one list in their order.
    package init?(traceparents: [String], tracestates: [String]) {
        guard traceparents.count == 1, let line = traceparents.first,
            let parsed = TracePosition(line)
        else { return nil }
        self.init(
            traceHigh: parsed.traceHigh, traceLow: parsed.traceLow, spanID: parsed.spanID,
            flags: parsed.flags & (Self.sampledFlag | Self.randomFlag),
            state: TraceState.normalised(tracestates) ?? "")
    }

    /// A new trace, sampled, with random ids.
    package static func root(using random: RandomSource = .system) -> TraceContext {
        TraceContext(
            traceHigh: random.next(), traceLow: nonZero(random), spanID: nonZero(random),
            flags: sampledFlag | randomFlag, state: "")
    }

    /// The next piece of work in the same trace.
    package func child(using random: RandomSource = .system) -> TraceContext {
        TraceContext(
            traceHigh: traceHigh, traceLow: traceLow, spanID: Self.nonZero(random), flags: flags,
            state: state)
    }

    /// The same place with the sampled flag set or cleared.
    package func sampled(_ isSampled: Bool) -> TraceContext {
        guard isSampled != self.isSampled else { return self }
        return TraceContext(
            traceHigh: traceHigh, traceLow: traceLow, spanID: spanID,
            flags: isSampled ? flags | Self.sampledFlag : flags & ~Self.sampledFlag, state: state)
    }

    /// Whether the sampled flag is set.
    package var isSampled: Bool { flags & Self.sampledFlag != 0 }

    /// Without the state of other vendors.
    package var position: TracePosition {
        TracePosition(traceHigh: traceHigh, traceLow: traceLow, spanID: spanID, flags: flags)
    }

    /// 32 lower-case hex digits.
    package var traceIDText: String { position.traceID }

    /// 16 lower-case hex digits.
    package var spanIDText: String { position.spanText }

    /// The header value, always version 00.
    package var traceparent: String { position.text }

    /// The header value, nil when there is no state to pass on.
    package var tracestate: String? { state.isEmpty ? nil : state }

    private static func nonZero(_ random: RandomSource) -> UInt64 {
        while true {
            let bits = random.next()
            if bits != 0 { return bits }
        }
    }
}
