/// Which partitions a consumer owns, and what may be delivered and stored for each (D8). Pure.
///
/// A *stay* lasts from an assignment or a seek to the next one and has a number, its generation.
/// Records are stamped with it; an offset of an earlier stay is never stored in a later one, which
/// matters most when the broker lost its log and offsets start again at 0.
struct PartitionLedger {
    /// The library's word for the start of the log, lower than every offset.
    private static let startOfLog: Int64 = -2

    private struct Stay {
        var generation: Int
        /// The lowest offset that may still be delivered; nil: wherever the group stands.
        var expected: Int64?
        /// The next offset that the owner has not been given; nil: nothing was given yet.
        var handed: Int64?
        /// Everything before it is done, as the owner said or the group's offset; nil: not known.
        var settled: Int64?
        var isPaused = false
        /// The library stopped reading because it has no usable offset.
        var isStalled = false
        /// A seek was asked for and has not reached the library; what still comes is old.
        var isMoving = false
    }

    private var stays: [TopicPartition: Stay] = [:]
    private var lastGeneration = 0

    var owned: [TopicPartition] { stays.keys.sorted() }

    /// Owned partitions that the owner has not paused.
    var flowing: [TopicPartition] { stays.filter { !$0.value.isPaused }.keys.sorted() }

    func owns(_ place: TopicPartition) -> Bool { stays[place] != nil }

    func isPaused(_ place: TopicPartition) -> Bool { stays[place]?.isPaused ?? false }

    /// The present stay of an owned partition.
    func generation(of place: TopicPartition) -> Int? { stays[place]?.generation }

    mutating func assign(_ places: [TopicPartition]) {
        lastGeneration += 1
        for place in places { stays[place] = Stay(generation: lastGeneration) }
    }

    mutating func revoke(_ places: [TopicPartition]) {
        for place in places { stays[place] = nil }
    }

    /// The record with its generation, or nil when it must be dropped: its partition is not owned,
    /// or its offset was delivered already.
    mutating func admit(_ record: ConsumedRecord) -> ConsumedRecord? {
        guard var stay = stays[record.topicPartition], !stay.isPaused, !stay.isMoving else {
            return nil
        }
        if let expected = stay.expected, record.offset < expected { return nil }
        stay.expected = record.offset + 1
        stays[record.topicPartition] = stay
        var stamped = record
        stamped.generation = stay.generation
        return stamped
    }

    mutating func handOut(_ record: ConsumedRecord) {
        guard stays[record.topicPartition]?.generation == record.generation else { return }
        stays[record.topicPartition]?.handed = record.offset + 1
    }

    /// Whether `nextOffset` may be stored: the partition is owned, in the stay of `generation` when
    /// one is given, and the owner has been given everything before it.
    func mayStore(_ place: TopicPartition, nextOffset: Int64, generation: Int?) -> Bool {
        guard let stay = stays[place], let handed = stay.handed, nextOffset <= handed else {
            return false
        }
        return generation == nil || generation == stay.generation
    }

    /// A seek begins a new stay. `offset` is nil for the start of the log.
    mutating func move(_ place: TopicPartition, to offset: Int64?) {
        guard let stay = stays[place] else { return }
        lastGeneration += 1
        stays[place] = Stay(
            generation: lastGeneration, expected: offset ?? Self.startOfLog, handed: offset,
            settled: offset ?? Self.startOfLog, isPaused: stay.isPaused, isMoving: true)
    }

    /// The library stopped reading. False when that is known already, or old news.
    mutating func stall(_ place: TopicPartition) -> Bool {
        guard let stay = stays[place], !stay.isStalled, !stay.isMoving else { return false }
        stays[place]?.isStalled = true
        return true
    }

    /// Partitions with a seek that has not reached the library.
    var moving: [TopicPartition] { stays.filter { $0.value.isMoving }.keys.sorted() }

    /// Every seek has reached the library.
    mutating func settle() {
        for place in moving { stays[place]?.isMoving = false }
    }

    /// Partitions that the library should read. A stalled one waits for its owner's decision.
    var readable: [TopicPartition] { stays.filter { !$0.value.isStalled }.keys.sorted() }

    var paused: [TopicPartition] { stays.filter { $0.value.isPaused }.keys.sorted() }

    /// Records from `offset` on were read ahead and discarded, and will be read again.
    mutating func rewind(_ place: TopicPartition, to offset: Int64) {
        stays[place]?.expected = offset
        stays[place]?.handed = offset
    }

    mutating func setPaused(_ place: TopicPartition, _ isPaused: Bool) {
        stays[place]?.isPaused = isPaused
    }

    /// Where reading goes on after a pause: after the last record that was read ahead, or where it
    /// was moved to. The library itself would go on after the last record it gave us (its issue
    /// 2557), so we always seek. Nil before the first record: then the library is right.
    func position(_ place: TopicPartition) -> Int64? { stays[place]?.expected }

    /// The group goes on here; what the owner said since counts more.
    mutating func begins(_ place: TopicPartition, at offset: Int64) {
        guard let stay = stays[place], stay.settled == nil else { return }
        stays[place]?.settled = offset
    }

    /// The owner stored this offset.
    mutating func settled(_ place: TopicPartition, upTo nextOffset: Int64) {
        stays[place]?.settled = nextOffset
    }

    /// Where the records begin that are not done yet; below every offset for the start of the log.
    func settledUpTo(_ place: TopicPartition) -> Int64? { stays[place]?.settled }
}
