import Basics

/// Counts durations in buckets whose width grows with the value, as HdrHistogram does: any quantile
/// of any number of observations is known to 1 %, in a few kilobytes.
package struct LatencyHistogram: Sendable, Equatable {
    /// Buckets of one power of two; the relative error is at most one part of these.
    private static let steps = 128
    private static let stepBits = 7
    /// Longer durations count as this: twelve days, in microseconds.
    private static let valueMax: Int64 = 1 << 40

    private var counts: [UInt32] = []
    package private(set) var count = 0
    /// The largest observation, exact, in microseconds.
    package private(set) var maxMicroseconds: Int64 = 0

    package init() {}

    /// Negative durations count as zero.
    package mutating func record(_ duration: Duration) {
        let value = min(max(duration.inMicroseconds, 0), Self.valueMax)
        let index = Self.bucket(of: value)
        // Only as long as the largest observation needs.
        if index >= counts.count {
            counts += Array(repeating: 0, count: index + 1 - counts.count)
        }
        counts[index] &+= 1
        count += 1
        maxMicroseconds = max(maxMicroseconds, value)
    }

    /// The smallest value that a share (0…1) of the observations does not exceed, within 1 % above;
    /// nil without observations.
    package func quantile(_ share: Double) -> Duration? {
        guard count > 0 else { return nil }
        let rank = max(1, Int((min(max(share, 0), 1) * Double(count)).rounded(.up)))
        var seen = 0
        for (index, inside) in counts.enumerated() {
            seen += Int(inside)
            if seen >= rank {
                return .microseconds(min(Self.upperBound(of: index), maxMicroseconds))
            }
        }
        return .microseconds(maxMicroseconds)
    }

    package var largest: Duration? { count > 0 ? .microseconds(maxMicroseconds) : nil }

    /// Exact below 256 µs; above, the leading eight bits of the value choose its bucket.
    static func bucket(of value: Int64) -> Int {
        let shift = max(0, Int64.bitWidth - value.leadingZeroBitCount - (stepBits + 1))
        return shift * steps + Int(value >> Int64(shift))
    }

    /// The largest value of a bucket.
    static func upperBound(of bucket: Int) -> Int64 {
        guard bucket >= 2 * steps else { return Int64(bucket) }
        let shift = bucket / steps - 1
        let lead = Int64(bucket - shift * steps)
        return ((lead + 1) << Int64(shift)) - 1
    }
}
