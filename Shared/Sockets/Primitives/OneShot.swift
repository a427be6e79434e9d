import Synchronization

/// A value that arrives once, for one waiter: the bridge from a callback to `await`.
///
/// The first of success, failure and cancellation wins; everything later is ignored.
package final class OneShot<Value: Sendable>: Sendable {
    private enum State {
        /// Goes to `waiting` or `settled`.
        case idle
        /// Goes to `taken` when it is settled.
        case waiting(CheckedContinuation<Value, any Error>)
        /// Settled before anybody waited. Goes to `taken`.
        case settled(Result<Value, any Error>)
        case taken
    }

    private let state = Mutex<State>(.idle)

    package init() {}

    /// Settles the value; false when it was settled before. Any thread.
    @discardableResult
    package func settle(_ result: Result<Value, any Error>) -> Bool {
        let (won, continuation) = state.withLock {
            state -> (Bool, CheckedContinuation<Value, any Error>?) in
            switch state {
            case .idle:
                state = .settled(result)
                return (true, nil)
            case .waiting(let continuation):
                state = .taken
                return (true, continuation)
            case .settled, .taken: return (false, nil)
            }
        }
        // Resumed after the lock is released: no foreign code runs under it.
        continuation?.resume(with: result)
        return won
    }

    @discardableResult
    package func succeed(_ value: Value) -> Bool { settle(.success(value)) }

    @discardableResult
    package func fail(_ error: any Error) -> Bool { settle(.failure(error)) }

    /// Waits for the value. Throws `CancellationError` when the task is cancelled first. Once only.
    package func value() async throws -> Value {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let ready = state.withLock { state -> Result<Value, any Error>? in
                    switch state {
                    case .idle:
                        state = .waiting(continuation)
                        return nil
                    case .settled(let result):
                        state = .taken
                        return result
                    case .waiting, .taken:
                        return .failure(SocketError(.limitReached, "a second wait"))
                    }
                }
                if let ready { continuation.resume(with: ready) }
            }
        } onCancel: {
            fail(CancellationError())
        }
    }
}

extension OneShot where Value == Void {
    @discardableResult
    package func succeed() -> Bool { settle(.success(())) }
}
