import Basics
import Resilience
import Sockets
import Telemetry

/// Runs long-running parts side by side until cancelled.
///
/// A part that fails is started again with backoff while the others go on: one poisoned consumer
/// must not take the API down, and a process that restarts as a whole loses its caches and its
/// connections for nothing. Only an `ExitCoded` error ends the group.
struct ServiceGroup: Sendable {
    /// Waits between two starts of one part.
    static let restartBackoff = Backoff(base: .milliseconds(200), cap: .seconds(10))
    /// A run this long counts as healthy: the next failure begins with a short wait again.
    static let healthyAfter: Duration = .seconds(60)

    let parts: [any LongRunning]
    let context: ServiceContext
    /// Hears which parts have ended after cancellation.
    var progress = DrainProgress()
    var backoff = ServiceGroup.restartBackoff

    /// Returns after cancellation, when every part has returned; a group without parts waits too.
    /// Throws the first `ExitCoded` error.
    func run() async throws {
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for part in parts {
                    progress.begin(part.name)
                    group.addTask(executorPreference: context.loop) {
                        try await keepRunning(part)
                        progress.finish(part.name)
                    }
                }
                group.addTask(executorPreference: context.loop) {
                    try await OneShot<Void>().value()
                }
                try await group.waitForAll()
            }
        } catch is CancellationError where Task.isCancelled {
            // Ignored: this is the way a group ends.
        }
    }

    private func keepRunning(_ part: any LongRunning) async throws {
        let restarts = context.metrics.counter(
            "service_part_restarts_total", help: "Starts of a part after it failed.",
            labels: ["part": part.name])
        var failures = 0
        // Once even when the end has come already: a part may have something to finish (spans).
        repeat {
            let started = MonotonicInstant.now
            do {
                try await part.run()
                if Task.isCancelled { return }
                context.logger.error(
                    "part ended by itself; it is started again", ["part": .string(part.name)])
            } catch let error as any ExitCoded {
                throw error
            } catch {
                if Task.isCancelled { return }
                context.logger.error(
                    "part failed; it is started again",
                    ["part": .string(part.name), "error": .init(describing: error)])
            }
            if started.duration(to: .now) >= Self.healthyAfter { failures = 0 }
            failures += 1
            restarts.increment()
            do {
                try await context.loop.sleep(
                    for: backoff.delay(attempt: failures, random: context.random))
            } catch {
                return  // Cancelled while it waited: nothing is running.
            }
        } while !Task.isCancelled
    }
}
