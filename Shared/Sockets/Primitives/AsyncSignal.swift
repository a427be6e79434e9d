import Synchronization

/// "Something changed, look again": signals coalesce until the waiter has looked.
///
/// For one waiter at a time. Any thread.
package final class AsyncSignal: Sendable {
    private struct State {
        var isRaised = false
        var waiter: OneShot<Void>?
    }

    private let state = Mutex(State())

    package init() {}

    /// Wakes the waiter, or lets the next `wait` return at once.
    package func raise() {
        let waiter = state.withLock { state in
            state.isRaised = true
            let waiter = state.waiter
            state.waiter = nil
            return waiter
        }
        waiter?.succeed()
    }

    /// Returns when the signal has been raised since the last return. Throws `CancellationError`.
    package func wait() async throws {
        while true {
            try Task.checkCancellation()
            let cell = OneShot<Void>()
            let isRaised = state.withLock { state in
                let isRaised = state.isRaised
                state.isRaised = false
                if !isRaised { state.waiter = cell }
                return isRaised
            }
            if isRaised { return }
            try await cell.value()
        }
    }

    /// As `wait`, but returns false after `limit` without a signal.
    package func wait(atMost limit: Duration, on loop: EventLoop) async throws -> Bool {
        let expired = AtomicFlag()
        let timer = loop.schedule(after: limit) {
            expired.raise()
            self.raise()
        }
        defer { loop.cancel(timer) }
        try await wait()
        return !expired.isRaised
    }
}
