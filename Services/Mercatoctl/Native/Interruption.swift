import Glibc
import Synchronization

/// A switch that turns waiting loops off: tripped by Ctrl-C, asked by everything that waits.
///
/// The waits of this module block their thread, so they cannot see task cancellation; they look here
/// every few milliseconds instead.
package final class Interruption: Sendable {
    private let tripped = Atomic<Bool>(false)
    private let parent: Interruption?

    /// - Parameter parent: its trip counts here too; ours does not count there. A group of waits can
    ///   so be ended by its own failure or by Ctrl-C.
    package init(parent: Interruption? = nil) { self.parent = parent }

    package func trip() { tripped.store(true, ordering: .releasing) }

    package var isTripped: Bool {
        tripped.load(ordering: .acquiring) || (parent?.isTripped ?? false)
    }

    package func check() throws(NativeError) {
        if isTripped { throw NativeError(.interrupted, "interrupted") }
    }

    /// Asks `condition` every `interval` until it holds or `limit` is over.
    ///
    /// - Returns: whether it held. Blocks the calling thread.
    package func poll(
        within limit: Duration, every interval: Duration = .milliseconds(20),
        _ condition: () throws(NativeError) -> Bool
    ) throws(NativeError) -> Bool {
        let end = ContinuousClock.now + limit
        while true {
            try check()
            if try condition() { return true }
            if ContinuousClock.now >= end { return false }
            let (seconds, attoseconds) = interval.components
            usleep(UInt32(seconds * 1_000_000 + attoseconds / 1_000_000_000_000))
        }
    }
}
