#if canImport(Glibc)
    import Glibc
#endif

/// A point in time of a clock that never jumps and goes on while the machine sleeps: the one that
/// `ContinuousClock` reads. For measuring and waiting; `WallTime` is for showing and storing.
///
/// A word of nanoseconds, which every call of the event loop and of the server handles. Rejected:
/// `ContinuousClock.Instant`, whose layout the standard library keeps to itself (each local variable of
/// an `async` function is then memory of the task and calls through a table) and which counts in 128
/// bits.
///
/// Arithmetic stops at the ends of the range, 292 years away, where "never" is as good an answer.
package struct MonotonicInstant: Sendable, Hashable, Comparable {
    /// Since the machine was started.
    package let nanoseconds: Int64

    /// A point in time that was kept as a number.
    @inlinable
    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// The present, from the system.
    package static var now: MonotonicInstant {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return MonotonicInstant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Later by a duration, or earlier when it is negative.
    package func advanced(by duration: Duration) -> MonotonicInstant {
        advanced(nanoseconds: duration.inNanoseconds)
    }

    /// Later by so many nanoseconds, or earlier when they are negative.
    @inlinable
    package func advanced(nanoseconds count: Int64) -> MonotonicInstant {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(count)
        return MonotonicInstant(nanoseconds: overflow ? (count < 0 ? .min : .max) : sum)
    }

    /// Negative when `other` is earlier.
    package func duration(to other: MonotonicInstant) -> Duration {
        .nanoseconds(nanoseconds(to: other))
    }

    /// Negative when `other` is earlier.
    @inlinable
    package func nanoseconds(to other: MonotonicInstant) -> Int64 {
        let (difference, overflow) = other.nanoseconds.subtractingReportingOverflow(nanoseconds)
        return overflow ? (other < self ? .min : .max) : difference
    }

    /// Whether `left` is earlier.
    @inlinable
    package static func < (left: MonotonicInstant, right: MonotonicInstant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// From `earlier` to `later`.
    package static func - (later: MonotonicInstant, earlier: MonotonicInstant) -> Duration {
        earlier.duration(to: later)
    }

    /// Earlier by a duration.
    package static func - (instant: MonotonicInstant, duration: Duration) -> MonotonicInstant {
        instant.advanced(by: .zero - duration)
    }

    /// Later by a duration.
    package static func + (instant: MonotonicInstant, duration: Duration) -> MonotonicInstant {
        instant.advanced(by: duration)
    }
}
