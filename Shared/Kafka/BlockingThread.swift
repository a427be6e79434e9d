internal import Basics
internal import Foundation
internal import Synchronization

/// Runs calls of the C library that block on a thread of their own, so that neither the event loop
/// nor the cooperative pool ever waits for a broker.
enum BlockingThread {
    /// Added to every limit, so that the call's own time-out, which says more, comes first.
    private static let grace: Duration = .milliseconds(500)

    /// Starts a thread and returns at once.
    static func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.name = name
        thread.start()
    }

    /// Awaits the result of a call made on a thread of its own; throws `.timedOut` when it takes
    /// longer than `limit` and a little. Not every call of the library keeps the time that it is
    /// given (a request to a silent broker lives for `socket.timeout.ms`). One that is late ends on
    /// its own thread, and its result is dropped. Not cancellable.
    static func run<T: Sendable>(
        _ name: String, atMost limit: Duration,
        _ body: @escaping @Sendable () -> Result<T, KafkaError>
    ) async throws(KafkaError) -> T {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<T, KafkaError>, Never>) in
            let answer = FirstAnswer(continuation)
            let wait = limit + grace
            start(name) { answer.give(body()) }
            start("\(name)-limit") {
                answer.give(
                    .failure(KafkaError(.timedOut, "\(name) did not end within \(wait)")),
                    unlessGivenWithin: wait)
            }
        }
        return try result.get()
    }

    /// The call's answer or its lateness, whichever is first.
    private final class FirstAnswer<T: Sendable>: Sendable {
        private let waiting: Mutex<CheckedContinuation<Result<T, KafkaError>, Never>?>
        private let given = NSCondition()

        init(_ continuation: CheckedContinuation<Result<T, KafkaError>, Never>) {
            waiting = Mutex(continuation)
        }

        func give(_ result: Result<T, KafkaError>) {
            let continuation = waiting.withLock { waiting in
                defer { waiting = nil }
                return waiting
            }
            continuation?.resume(returning: result)
            given.lock()
            given.broadcast()
            given.unlock()
        }

        /// Blocks until an answer was given, or gives this one when it is time.
        func give(_ result: Result<T, KafkaError>, unlessGivenWithin limit: Duration) {
            let end = Date(timeIntervalSinceNow: limit.inSeconds)
            given.lock()
            while waiting.withLock({ $0 != nil }), given.wait(until: end) {}
            given.unlock()
            give(result)
        }
    }
}
