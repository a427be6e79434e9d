import Synchronization

/// Counts permits; waiters are served first come, first served. Any thread.
package final class LoopSemaphore: Sendable {
    private struct State {
        var permits: Int
        var waiters: [(number: UInt64, cell: OneShot<Void>)] = []
        var lastNumber: UInt64 = 0
    }

    private let state: Mutex<State>
    private let waitersMax: Int

    /// `waitersMax` bounds the queue: one more waiter is refused instead of queued.
    package init(permits: Int, waitersMax: Int = 10_000) {
        state = Mutex(State(permits: permits))
        self.waitersMax = waitersMax
    }

    /// Permits that are free now.
    package var available: Int { state.withLock { $0.permits } }
    /// Callers of `acquire` that wait now.
    package var waiting: Int { state.withLock { $0.waiters.count } }

    /// Takes a permit, waiting for one if need be.
    ///
    /// Throws `CancellationError`, or `SocketError` with `.limitReached` when too many wait.
    package func acquire() async throws {
        try Task.checkCancellation()
        let cell = OneShot<Void>()
        let number = try state.withLock { state -> UInt64? in
            if state.permits > 0 {
                state.permits -= 1
                return nil
            }
            guard state.waiters.count < waitersMax else {
                throw SocketError(.limitReached, "semaphore")
            }
            state.lastNumber += 1
            state.waiters.append((state.lastNumber, cell))
            return state.lastNumber
        }
        guard let number else { return }
        do {
            try await cell.value()
        } catch {
            // Leaves the queue. `release` skips a cell that was settled by cancellation.
            state.withLock { $0.waiters.removeAll { $0.number == number } }
            throw error
        }
    }

    /// Takes a permit if one is free and nobody waits.
    package func tryAcquire() -> Bool {
        state.withLock { state in
            guard state.permits > 0 else { return false }
            state.permits -= 1
            return true
        }
    }

    /// Gives a permit back: to the first waiter that still wants it.
    package func release() {
        while true {
            let next = state.withLock { state -> OneShot<Void>? in
                guard !state.waiters.isEmpty else {
                    state.permits += 1
                    return nil
                }
                return state.waiters.removeFirst().cell
            }
            guard let next, !next.succeed() else { return }
        }
    }

    /// Runs `body` holding a permit, and gives it back however the body ends.
    package func withPermit<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        try await acquire()
        defer { release() }
        return try await body()
    }
}
