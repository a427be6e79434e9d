import Synchronization

/// The counters of one name whose label values are known in the source: found by a key instead of
/// by label text, so counting costs no allocation (the registry sorts and joins labels at each call).
///
/// Keys given at the start exist from then on with the value 0, so that a rate over them has data
/// before the first fault.
package final class CounterFamily<Key: Hashable & Sendable>: Sendable {
    private let known: Mutex<[Key: Counter]>
    private let make: @Sendable (Key) -> Counter

    /// `labels` must be the same for the same key, and the keys few: each is one series.
    package init(
        _ metrics: MetricsRegistry, _ name: String, help: String, from keys: [Key] = [],
        labels: @escaping @Sendable (Key) -> [String: String]
    ) {
        make = { metrics.counter(name, help: help, labels: labels($0)) }
        var first: [Key: Counter] = [:]
        for key in keys { first[key] = make(key) }
        known = Mutex(first)
        if keys.isEmpty { metrics.declareCounter(name, help: help) }
    }

    /// The counter of this key.
    package subscript(_ key: Key) -> Counter {
        known.withLock { known in
            if let counter = known[key] { return counter }
            let counter = make(key)
            known[key] = counter
            return counter
        }
    }
}

/// The histograms of one name, as `CounterFamily`.
package final class HistogramFamily<Key: Hashable & Sendable>: Sendable {
    private let known: Mutex<[Key: Histogram]>
    private let make: @Sendable (Key) -> Histogram

    /// As for counters; each key is a series per bucket.
    package init(
        _ metrics: MetricsRegistry, _ name: String, help: String,
        buckets: [Double] = Histogram.requestBuckets, from keys: [Key],
        labels: @escaping @Sendable (Key) -> [String: String]
    ) {
        make = { metrics.histogram(name, help: help, labels: labels($0), buckets: buckets) }
        var first: [Key: Histogram] = [:]
        for key in keys { first[key] = make(key) }
        known = Mutex(first)
    }

    /// The histogram of this key.
    package subscript(_ key: Key) -> Histogram {
        known.withLock { known in
            if let histogram = known[key] { return histogram }
            let histogram = make(key)
            known[key] = histogram
            return histogram
        }
    }
}
