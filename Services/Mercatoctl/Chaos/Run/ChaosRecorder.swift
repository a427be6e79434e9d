import Synchronization

/// The record of a run while it grows: load, fault and witnesses write side by side.
package final class ChaosRecorder: Sendable {
    private let record: Mutex<ChaosRecord>

    package init(_ record: ChaosRecord) { self.record = Mutex(record) }

    package var current: ChaosRecord { record.withLock { $0 } }

    package func note(_ change: @Sendable (inout ChaosRecord) -> Void) {
        record.withLock { change(&$0) }
    }

    package func see(_ sightings: [Sighting], at time: Duration) {
        record.withLock { $0.evidence.see(sightings, at: time) }
    }
}
