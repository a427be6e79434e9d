/// Decides which traces are recorded (OpenTelemetry's `OTEL_TRACES_SAMPLER`). Pure.
package struct Sampler: Sendable, Equatable {
    /// The decision where no caller has decided.
    package enum Root: Sendable, Equatable {
        case always, never
        /// This share of all traces, 0...1, chosen by the trace id: every service that asks comes
        /// to the same answer.
        case share(Double)
    }

    package let root: Root
    /// The caller's sampled flag decides where there is a caller.
    package let followsParent: Bool

    package init(root: Root, followsParent: Bool) {
        self.root = root
        self.followsParent = followsParent
    }

    /// All traces, unless the caller says no.
    package static let followingParent = Sampler(root: .always, followsParent: true)

    /// - Parameter context: the span's own; it carries the caller's flag.
    package func samples(_ context: TraceContext, hasParent: Bool) -> Bool {
        if followsParent, hasParent { return context.isSampled }
        switch root {
        case .always: return true
        case .never: return false
        case .share(let share):
            // The last 56 bits of the trace id are the random ones (level 2).
            let drawn = Double(context.traceLow & (1 << 56 - 1)) * 0x1p-56
            return drawn < share
        }
    }
}
