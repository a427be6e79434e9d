package import Resilience
import Sockets
import Telemetry

/// Waits between two attempts to reach something the service needs (0.2 s to 5 s, full jitter).
package let startupBackoff = Backoff(base: .milliseconds(200), cap: .seconds(5))

/// Tries `body` until it succeeds and gives its result; meanwhile the readiness check `what` is not
/// ready and names the cause. Each distinct cause is logged once.
///
/// - Throws: an `ExitCoded` error of the body at once, and `CancellationError`.
package func waitUntilReady<Value: Sendable>(
    _ what: String, context: ServiceContext, backoff: Backoff = startupBackoff,
    _ body: @Sendable () async throws -> Value
) async throws -> Value {
    /// Causes remembered, so that one that contains a changing number cannot fill the memory.
    let causesMax = 32
    var causes: Set<String> = []
    var attempt = 0
    if context.readiness.state(of: what) == nil {
        context.readiness.set(what, .notReady("not reached yet"))
    }
    while true {
        try Task.checkCancellation()
        do {
            let value = try await body()
            context.readiness.set(what, .ready)
            if attempt > 0 {
                context.logger.notice(
                    "reached", ["what": .string(what), "attempts": .init(attempt + 1)])
            }
            return value
        } catch let error as any ExitCoded {
            context.readiness.set(what, .notReady(String(describing: error)))
            throw error
        } catch is CancellationError where Task.isCancelled {
            throw CancellationError()
        } catch {
            let cause = String(describing: error)
            context.readiness.set(what, .notReady(cause))
            if causes.count < causesMax, causes.insert(cause).inserted {
                context.logger.warning(
                    "not reachable yet; trying on",
                    ["what": .string(what), "cause": .string(cause)])
            }
        }
        attempt += 1
        try await context.loop.sleep(for: backoff.delay(attempt: attempt, random: context.random))
    }
}
