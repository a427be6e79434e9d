import Foundation

/// Runs blocking work (waiting for a process, initdb, psql) on a thread of its own, so that neither
/// an event loop nor the cooperative pool stands still (style rule 12).
package enum Blocking {
    package static func run<Value: Sendable>(
        _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let thread = Thread { continuation.resume(with: Result(catching: work)) }
            thread.stackSize = 1 << 20
            thread.start()
        }
    }
}
