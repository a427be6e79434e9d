/// What somebody who had no part in the fault sees of the target: the kernel, the engine, the
/// cluster, the gateway, the provider's own count.
package struct Sighting: Sendable, Equatable {
    /// Whom was asked about what, as a report names it.
    package let source: String
    package let state: String
    /// Whether this state shows that the fault is on.
    package let provesFault: Bool

    package init(_ source: String, _ state: String, provesFault: Bool = false) {
        self.source = source
        self.state = state
        self.provesFault = provesFault
    }
}

/// The sightings of a run as a list of changes: a state that lasts is written down once.
package struct Evidence: Sendable, Equatable {
    package struct Entry: Sendable, Equatable {
        /// Since the first order.
        package let at: Duration
        package let sighting: Sighting
    }

    /// More would not fit on a page; the first ones tell what happened.
    package static let entriesMax = 60

    package private(set) var entries: [Entry] = []
    private var last: [String: Sighting] = [:]

    package init() {}

    package mutating func see(_ sightings: [Sighting], at time: Duration) {
        for sighting in sightings where last[sighting.source] != sighting {
            last[sighting.source] = sighting
            if entries.count < Self.entriesMax { entries.append(Entry(at: time, sighting: sighting)) }
        }
    }

    /// The sightings that show the fault within its window.
    package func proof(within window: ClosedRange<Duration>) -> [Entry] {
        entries.filter { $0.sighting.provesFault && window.contains($0.at) }
    }
}
