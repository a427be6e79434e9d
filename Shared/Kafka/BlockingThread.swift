internal import Foundation

/// Runs calls of the C library that block on a thread of their own, so that neither the event loop
/// nor the cooperative pool ever waits for a broker.
enum BlockingThread {
    /// Starts a thread and returns at once.
    static func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.name = name
        thread.start()
    }

    /// Awaits the result of a call made on a thread of its own. The call itself is not cancellable;
    /// each one is bounded by a time-out of its own.
    static func run<T: Sendable>(
        _ name: String, _ body: @escaping @Sendable () -> Result<T, KafkaError>
    ) async throws(KafkaError) -> T {
        let result = await withCheckedContinuation { continuation in
            start(name) { continuation.resume(returning: body()) }
        }
        return try result.get()
    }
}
