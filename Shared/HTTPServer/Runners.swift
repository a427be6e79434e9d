import Sockets

/// The tasks that serve connections. A connection between two requests has none; when something has
/// come for it, it waits here, and one task serves all that wait, one after the other. So what a task
/// carries around with it, several times the memory of a connection, is in the processor's cache
/// however many connections there are. A handler that waits keeps its task; the others get the next.
// Reason: on the loop's thread only; its tasks prefer the loop, and the rest are its callbacks.
final class Runners: @unchecked Sendable {
    /// Tasks without work that are kept for the next handlers that wait.
    private static let spareMax = 64

    private let loop: EventLoop
    /// Connections with something to do, from `first` on.
    private var waiting: [ConnectionDriver] = []
    private var first = 0
    /// Tasks that sleep; the last one slept least.
    private var spare: [Runner] = []
    /// A look at what is left will be taken in this turn.
    private var isPumping = false
    private var pump: (@Sendable () -> Void)?
    private var isStopped = false

    init(loop: EventLoop) {
        self.loop = loop
    }

    /// The connection will be served in this turn of the loop.
    func add(_ driver: ConnectionDriver) {
        waiting.append(driver)
        if !isPumping { look() }
    }

    /// Ends the tasks that have no work; for the end of the server.
    func stop() {
        isStopped = true
        pump = nil
        let sleeping = spare
        spare = []
        for runner in sleeping { runner.wake(false) }
    }

    /// Wakes a task when there is work, and looks again when that one has done what it could: if work
    /// is left then, its handler waits for something.
    private func look() {
        isPumping = first < waiting.count
        guard isPumping else { return }
        if let runner = spare.popLast() {
            runner.wake(true)
        } else {
            let runner = Runner()
            // Reason: a runner outlives the request that it was made for; it ends with `stop`, by
            // itself when there are many, or with the cancellation of what it serves.
            runner.task = Task(executorPreference: loop) { await self.run(runner) }
        }
        loop.execute(lookLater())
    }

    /// Made once, since it is needed for every batch. `stop` breaks the cycle.
    private func lookLater() -> @Sendable () -> Void {
        if let pump { return pump }
        let made: @Sendable () -> Void = { self.look() }
        if !isStopped { pump = made }
        return made
    }

    private func run(_ runner: Runner) async {
        repeat {
            while let driver = next() {
                await driver.serve(as: runner)
                // The cancellation was meant for that connection.
                if runner.isCancelled { return }
            }
        } while await rest(runner)
    }

    private func next() -> ConnectionDriver? {
        guard first < waiting.count else { return nil }
        let driver = waiting[first]
        first += 1
        if first == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            first = 0
        }
        return driver
    }

    /// False when the runner is to end.
    private func rest(_ runner: Runner) async -> Bool {
        guard !isStopped, spare.count < Self.spareMax else { return false }
        return await withUnsafeContinuation { sleeper in
            runner.sleeper = sleeper
            spare.append(runner)
        }
    }
}

/// One of those tasks.
// Reason: on the loop's thread only, like `Runners`.
final class Runner: @unchecked Sendable {
    fileprivate var sleeper: UnsafeContinuation<Bool, Never>?
    fileprivate var task: Task<Void, Never>?
    /// Asked for each request; the task's own answer costs more.
    private(set) var isCancelled = false

    /// Cancels what it serves.
    func cancel() {
        isCancelled = true
        task?.cancel()
    }

    fileprivate func wake(_ hasWork: Bool) {
        let sleeper = sleeper
        self.sleeper = nil
        sleeper?.resume(returning: hasWork)
    }
}
