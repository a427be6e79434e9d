/// Token buckets by key, at most `keysMax` of them (RL-10).
///
/// When there is no room, the bucket that is or will first be full again goes: forgetting a full
/// bucket changes nothing, since a new one is full. No timers, and nothing grows with the number of
/// keys ever seen. Pure; the time comes in.
package struct TokenBuckets: Sendable {
    /// Of the monotonic clock, or of a test's.
    package typealias Instant = ContinuousClock.Instant

    /// Buckets kept unless told otherwise.
    package static let keysMaxDefault = 65_536

    /// One request to one bucket.
    package struct Charge: Sendable {
        package let key: String
        package let cost: Int
        package let limit: TokenBucketLimit

        package init(key: String, cost: Int, limit: TokenBucketLimit) {
            self.key = key
            self.cost = cost
            self.limit = limit
        }
    }

    private struct Entry {
        let key: String
        /// What `buckets` held for the key when the entry was made. Taking tokens only moves the
        /// bucket's own instant later, so a stale entry is noticed and put back.
        let fullAt: Instant
    }

    private let keysMax: Int
    private var buckets: [String: TokenBucket] = [:]
    /// A binary heap, the earliest `fullAt` first, one entry per key.
    private var heap: [Entry] = []

    package init(keysMax: Int = keysMaxDefault) { self.keysMax = max(1, keysMax) }

    /// Keys kept at present.
    package var count: Int { buckets.count }

    /// Takes from all or from none (RL-3), and says what each bucket said.
    package mutating func take(_ charges: [Charge], now: Instant) -> [TokenBucketDecision] {
        let peeked = charges.map { bucket($0.key, now).peek(cost: $0.cost, $0.limit, now: now) }
        guard peeked.allSatisfy(\.isAdmitted) else {
            return zip(charges, peeked).map { charge, decision in
                // Admitted alone, but not taken: it has what it had.
                decision.isAdmitted
                    ? bucket(charge.key, now).peek(cost: 0, charge.limit, now: now) : decision
            }
        }
        return charges.map { charge in
            var bucket = bucket(charge.key, now)
            let decision = bucket.take(cost: charge.cost, charge.limit, now: now)
            store(bucket, charge.key)
            return decision
        }
    }

    /// Undoes a `take` whose request was refused elsewhere.
    package mutating func giveBack(_ charges: [Charge], now: Instant) {
        for charge in charges {
            guard var bucket = buckets[charge.key] else { continue }
            bucket.giveBack(cost: charge.cost, charge.limit, now: now)
            // The heap's entry may now be too late, which only delays an eviction.
            buckets[charge.key] = bucket
        }
    }

    private func bucket(_ key: String, _ now: Instant) -> TokenBucket {
        buckets[key] ?? TokenBucket(now: now)
    }

    private mutating func store(_ bucket: TokenBucket, _ key: String) {
        if buckets.updateValue(bucket, forKey: key) != nil { return }
        push(Entry(key: key, fullAt: bucket.fullAt))
        while buckets.count > keysMax { evictOne() }
    }

    /// Each stale entry was made so by a call of `take`, which pays for putting it back.
    private mutating func evictOne() {
        while let first = heap.first {
            guard let bucket = buckets[first.key], bucket.fullAt > first.fullAt else {
                buckets[first.key] = nil
                popFirst()
                return
            }
            heap[0] = Entry(key: first.key, fullAt: bucket.fullAt)
            sink()
        }
    }

    private mutating func push(_ entry: Entry) {
        heap.append(entry)
        var index = heap.count - 1
        while index > 0, heap[index].fullAt < heap[(index - 1) / 2].fullAt {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func popFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        sink()
    }

    /// Moves the first entry down to its place.
    private mutating func sink() {
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < heap.count && heap[child].fullAt < heap[least].fullAt { least = child }
            guard least != index else { return }
            heap.swapAt(index, least)
            index = least
        }
    }
}
