import Basics
import Synchronization

/// Counts observations by size in fixed buckets, as Prometheus expects.
package final class Histogram: Sendable {
    /// Bounds in seconds for requests: from 1 ms to 10 s.
    package static let requestBuckets: [Double] = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    /// What was observed so far.
    package struct Snapshot: Sendable {
        /// Observations per bucket (not cumulative); the last one is beyond all bounds.
        /// How many there were.
        package var counts: [UInt64]
        /// The sum of all observations.
        package var sum: Double
        package var count: UInt64
    }

    /// Upper bounds, ascending; an observation equal to a bound falls into its bucket.
    package let bounds: [Double]
    private let state: Mutex<Snapshot>

    /// Bounds may come in any order; duplicates are dropped.
    package init(buckets: [Double] = Histogram.requestBuckets) {
        bounds = Array(Set(buckets)).sorted()
        state = Mutex(
            Snapshot(counts: Array(repeating: 0, count: bounds.count + 1), sum: 0, count: 0))
    }

    /// Records a value, in seconds for durations. NaN is ignored.
    package func observe(_ value: Double) {
        guard !value.isNaN else { return }
        var low = 0
        var high = bounds.count
        while low < high {
            let middle = (low + high) / 2
            if bounds[middle] < value { low = middle + 1 } else { high = middle }
        }
        state.withLock { state in
            state.counts[low] += 1
            state.sum += value
            state.count += 1
        }
    }

    /// Records a duration in seconds.
    package func observe(_ duration: Duration) { observe(duration.inSeconds) }

    /// Records a duration that was measured in nanoseconds, without the arithmetic of 128 bits.
    package func observe(nanoseconds: Int64) { observe(Double(nanoseconds) / 1e9) }

    /// A consistent copy.
    package var snapshot: Snapshot { state.withLock { $0 } }

    /// An estimate of a quantile (0…1) by linear interpolation inside its bucket; nil without
    /// observations. Beyond the last bound the answer is that bound.
    package func quantile(_ fraction: Double) -> Double? {
        let seen = snapshot
        guard seen.count > 0 else { return nil }
        let rank = min(max(fraction, 0), 1) * Double(seen.count)
        var below = 0.0
        for (index, bound) in bounds.enumerated() {
            let inside = Double(seen.counts[index])
            if inside > 0, below + inside >= rank {
                let start = index == 0 ? 0 : bounds[index - 1]
                return start + (bound - start) * (rank - below) / inside
            }
            below += inside
        }
        return bounds.last
    }
}
