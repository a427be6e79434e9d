package import Sockets

/// An event loop of one test, with the test's body running on it as a service's main does.
package enum TestLoop {
    /// Starts a loop, runs `body` on its thread, and ends the loop whatever happens.
    package static func run<Value: Sendable>(
        _ body: (EventLoop) async throws -> Value
    ) async throws -> Value {
        let loop = try EventLoop(name: "test")
        loop.start()
        do {
            let value = try await withTaskExecutorPreference(loop) { try await body(loop) }
            loop.stop()
            return value
        } catch {
            loop.stop()
            throw error
        }
    }
}
