import Foundation

/// Runs a blocking call on a thread of its own: never on the event loop, nor on the shared pool.
enum BlockingThread {
    static func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value? {
        let handover = Handover<Value>()
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                handover.put(body())
                continuation.resume()
            }
        }
        return handover.take()
    }

    /// The same for a call that nobody waits for.
    static func start(_ body: @escaping @Sendable () -> Void) {
        Thread.detachNewThread(body)
    }
}

/// Passes a value from the thread to its waiter. The continuation alone would order the two, but
/// the thread sanitizer sees through a pthread lock only.
// Reason: `value` is touched under the lock only.
private final class Handover<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value?

    func put(_ value: Value) { lock.withLock { self.value = value } }
    func take() -> Value? { lock.withLock { value } }
}
