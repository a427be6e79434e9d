package import Basics
import Synchronization

extension EventLoop {
    /// Runs `body` on the loop once, `delay` from now (at once when it is not positive). Timers of
    /// one instant fire in the order they were scheduled. Any thread.
    package func schedule(after delay: Duration, _ body: @escaping @Sendable () -> Void)
        -> TimerToken
    {
        schedule(at: MonotonicInstant.now.advanced(by: delay), body)
    }

    /// Runs `body` on the loop once, at an instant. Any thread.
    package func schedule(
        at instant: MonotonicInstant, _ body: @escaping @Sendable () -> Void
    ) -> TimerToken {
        let (token, isEarliest) = timers.withLock { timers in
            let token = timers.add(at: instant, body)
            let isEarliest = instant.nanoseconds < nothingDueBefore.load(ordering: .relaxed)
            if isEarliest { nothingDueBefore.store(instant.nanoseconds, ordering: .releasing) }
            return (token, isEarliest)
        }
        // On the loop the wait is computed after this turn; elsewhere it may be too long already.
        if isEarliest, !isOnLoop { wake() }
        return token
    }

    /// Cancels a timer. On the loop it is certain that the body does not run afterwards; on another
    /// thread it may be running at this moment.
    package func cancel(_ timer: TimerToken) {
        let body = timers.withLock { $0.cancel(timer) }
        // What the body captured is released here, outside the lock.
        _ = consume body
    }

    /// Waits without holding any thread. Throws `CancellationError` at once when the task is
    /// cancelled.
    package func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        let cell = OneShot<Void>()
        let timer = schedule(after: duration) { cell.succeed() }
        defer { cancel(timer) }
        try await cell.value()
    }

    /// Runs `body`, and cancels it when `limit` has passed: then `TimeoutError` is thrown in place
    /// of whatever error the cancelled body ends with. A body that succeeds in spite of the
    /// cancellation has succeeded. As with every child, the call returns after the body did, so a
    /// body that ignores cancellation delays it.
    ///
    /// The body runs with the caller's isolation, on this loop.
    package func withTimeout<T: Sendable>(
        _ limit: Duration, isolation: isolated (any Actor)? = #isolation,
        _ body: @escaping () async throws -> T
    ) async throws -> T {
        try Task.checkCancellation()
        let box = BodyInTransit(body: body)
        // Reason: a scope inside a task cannot be cancelled alone, so the body gets a task; its
        // handle never leaves this function, which awaits it and passes cancellation on.
        let task = Task(executorPreference: self) {
            try await box.run(isolation: isolation)
        }
        return try await withTaskCancellationHandler {
            let flag = AtomicFlag()
            let timer = schedule(after: limit) {
                flag.raise()
                task.cancel()
            }
            let result = await task.result
            cancel(timer)
            if case .failure = result, flag.isRaised { throw TimeoutError(limit: limit) }
            return try result.get()
        } onCancel: {
            task.cancel()
        }
    }
}

/// Carries a body into the task that runs it.
// Reason: the caller is suspended until the body has returned, and `run` enters the caller's own
// isolation first, so at no time can two threads touch what the body captures.
private struct BodyInTransit<T: Sendable>: @unchecked Sendable {
    let body: () async throws -> T

    func run(isolation: isolated (any Actor)?) async throws -> T {
        try await body()
    }
}
