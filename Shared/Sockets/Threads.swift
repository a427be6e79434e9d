import CLinux
import Glibc

/// Starts a joinable thread. Its closure owns everything it captures until it returns.
///
/// Throws `.resourcesExhausted` when the system refuses another thread.
func spawnThread(name: String, _ body: @escaping @Sendable () -> Void) throws(SocketError)
    -> pthread_t
{
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(ThreadBody(name: name, body))
    // The retained context is taken back exactly once, by the thread's first statement.
    let result = unsafe pthread_create(
        &thread, nil,
        { argument in
            guard let argument = unsafe argument else { return nil }
            let context = unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
            _ = unsafe clinux_name_thread(context.name)
            context.body()
            return nil
        }, unsafe context.toOpaque())
    guard result == 0 else {
        // No thread will take the context back.
        unsafe context.release()
        throw SocketError(.resourcesExhausted, "start thread \(name)", errorNumber: result)
    }
    return thread
}

/// Starts a thread that nobody joins.
func startThread(_ name: String, _ body: @escaping @Sendable () -> Void) throws(SocketError) {
    _ = pthread_detach(try spawnThread(name: name, body))
}

func joinThread(_ thread: pthread_t) {
    _ = pthread_join(thread, nil)
}

func currentThreadNumber() -> UInt { UInt(pthread_self()) }

private final class ThreadBody: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, _ body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

/// Runs a blocking call on a thread of its own, so that neither the loop nor the shared pool waits.
///
/// Meant for rare calls (name lookups, start-up); a call cannot be cancelled once it has begun.
package func onDedicatedThread<Value: Sendable>(
    _ name: String, _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        do throws(SocketError) {
            try startThread(name) { continuation.resume(with: Result { try body() }) }
        } catch {
            continuation.resume(throwing: error)
        }
    }
}
