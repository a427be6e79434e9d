/// An instant on the monotonic clock by which something must be done.
///
/// Deadlines never cross a process boundary: on the wire they are a remaining duration (TO-2, D10).
package struct Deadline: Sendable, Hashable, Comparable {
    package let instant: MonotonicInstant

    @inlinable
    package init(_ instant: MonotonicInstant) { self.instant = instant }

    package static func after(_ duration: Duration) -> Deadline {
        Deadline(MonotonicInstant.now.advanced(by: duration))
    }

    /// Time left; zero when it has passed.
    package var remaining: Duration {
        .nanoseconds(max(0, MonotonicInstant.now.nanoseconds(to: instant)))
    }

    package var isPast: Bool { MonotonicInstant.now >= instant }

    @inlinable
    package static func < (left: Deadline, right: Deadline) -> Bool { left.instant < right.instant }
}

extension Duration {
    /// Whole nanoseconds, cut towards zero, and at the ends of the range (292 years).
    package var inNanoseconds: Int64 { Int64(clamping: attoseconds / 1_000_000_000) }

    /// Whole microseconds, cut towards zero.
    package var inMicroseconds: Int64 { inNanoseconds / 1_000 }

    /// Whole milliseconds, cut towards zero.
    package var inMilliseconds: Int64 { inNanoseconds / 1_000_000 }

    /// Seconds with fraction, for metrics and messages to people.
    package var inSeconds: Double { Double(inNanoseconds) / 1e9 }
}
