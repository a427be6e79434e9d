import Basics

/// What is known about names for a short while. A pure value: the clock comes in.
struct NameCache: Sendable {
    struct Key: Hashable, Sendable {
        let host: String
        let port: Int
    }

    private struct Entry {
        let addresses: [SocketAddress]
        let expires: MonotonicInstant
    }

    private var entries: [Key: Entry] = [:]
    private let limits: NameLookup.Limits

    init(limits: NameLookup.Limits) { self.limits = limits }

    func addresses(of key: Key, at now: MonotonicInstant) -> [SocketAddress]? {
        guard let entry = entries[key], now < entry.expires else { return nil }
        return entry.addresses
    }

    /// Keeps an answer. A full cache loses what has expired, and else the entry that expires first.
    mutating func keep(
        _ addresses: [SocketAddress], of key: Key, at now: MonotonicInstant
    ) {
        guard limits.namesMax > 0, limits.lifetime > .zero else { return }
        if entries[key] == nil, entries.count >= limits.namesMax {
            entries = entries.filter { now < $0.value.expires }
            if entries.count >= limits.namesMax,
                let oldest = entries.min(by: { $0.value.expires < $1.value.expires })
            {
                entries[oldest.key] = nil
            }
        }
        entries[key] = Entry(addresses: addresses, expires: now.advanced(by: limits.lifetime))
    }

    mutating func forget(_ key: Key) { entries[key] = nil }

    var count: Int { entries.count }
}
