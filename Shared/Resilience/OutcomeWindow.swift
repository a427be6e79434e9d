package import Basics

/// The outcomes of the last calls (CB-2): the last N of them, or those of the last N seconds. Totals
/// are kept beside, so a look costs the same however long the window is. Pure; the time comes in.
package struct OutcomeWindow: Sendable {
    /// Of the monotonic clock, or of a test's.
    package typealias Instant = MonotonicInstant

    /// What counts as recent.
    package enum Span: Sendable, Hashable {
        case calls(Int)
        /// Rounded down to whole seconds, at least one: a bucket per second.
        case time(Duration)
    }

    /// Numbers of calls.
    package struct Totals: Sendable, Hashable {
        package var calls = 0
        package var errors = 0
        package var slow = 0

        /// In percent; zero without calls.
        package var errorPercent: Double { calls == 0 ? 0 : 100 * Double(errors) / Double(calls) }
        /// In percent; zero without calls.
        package var slowPercent: Double { calls == 0 ? 0 : 100 * Double(slow) / Double(calls) }

        mutating func add(_ other: Totals) {
            calls += other.calls
            errors += other.errors
            slow += other.slow
        }

        mutating func subtract(_ other: Totals) {
            calls -= other.calls
            errors -= other.errors
            slow -= other.slow
        }
    }

    private let isTimed: Bool
    private let start: Instant
    private var ring: [Totals]
    private var totals = Totals()
    /// Calls: how many were recorded. Time: the second that the newest bucket stands for.
    private var position: Int64 = 0

    /// An empty window that begins now.
    package init(_ span: Span, now: Instant) {
        start = now
        switch span {
        case .calls(let count):
            isTimed = false
            ring = Array(repeating: Totals(), count: max(1, count))
        case .time(let time):
            isTimed = true
            ring = Array(repeating: Totals(), count: Int(max(1, time.components.seconds)))
        }
    }

    /// What the window holds at this moment.
    package mutating func totals(now: Instant) -> Totals {
        forget(now)
        return totals
    }

    /// Adds one call.
    package mutating func record(isError: Bool, isSlow: Bool, now: Instant) {
        forget(now)
        let call = Totals(calls: 1, errors: isError ? 1 : 0, slow: isSlow ? 1 : 0)
        let index = Int(position % Int64(ring.count))
        if isTimed {
            ring[index].add(call)
        } else {
            totals.subtract(ring[index])
            ring[index] = call
            position += 1
        }
        totals.add(call)
    }

    /// Empties the buckets whose seconds are over.
    private mutating func forget(_ now: Instant) {
        guard isTimed else { return }
        let second = start.duration(to: now).components.seconds
        guard second > position else { return }
        for step in 1...min(second - position, Int64(ring.count)) {
            let index = Int((position + step) % Int64(ring.count))
            totals.subtract(ring[index])
            ring[index] = Totals()
        }
        position = second
    }
}
