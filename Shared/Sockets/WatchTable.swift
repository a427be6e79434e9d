/// Who watches which descriptor: pure bookkeeping, indexed by descriptor number.
struct WatchTable {
    struct Entry {
        let watch: Watch
        var interest: Interest
        let handler: @Sendable (Readiness) -> Void
    }

    private var entries: [Entry?] = []
    private var lastGeneration: UInt32 = 0

    /// A watch that no earlier registration equals (after 2³² registrations the number may repeat,
    /// long after any event of the first one was delivered).
    mutating func nextWatch(for descriptor: CInt) -> Watch {
        lastGeneration &+= 1
        return Watch(descriptor: descriptor, generation: lastGeneration)
    }

    /// Replaces a stale entry: the kernel has accepted the new one, so the old descriptor is gone.
    mutating func insert(_ entry: Entry) {
        let index = Int(entry.watch.descriptor)
        if index >= entries.count {
            entries.append(contentsOf: repeatElement(nil, count: index + 1 - entries.count))
        }
        entries[index] = entry
    }

    /// The entry, unless it belongs to another generation.
    func entry(_ watch: Watch) -> Entry? {
        let index = Int(watch.descriptor)
        guard index >= 0, index < entries.count, let entry = entries[index], entry.watch == watch
        else { return nil }
        return entry
    }

    mutating func setInterest(_ watch: Watch, _ interest: Interest) {
        guard entry(watch) != nil else { return }
        entries[Int(watch.descriptor)]?.interest = interest
    }

    mutating func remove(_ watch: Watch) -> Entry? {
        guard let found = entry(watch) else { return nil }
        entries[Int(watch.descriptor)] = nil
        return found
    }
}
