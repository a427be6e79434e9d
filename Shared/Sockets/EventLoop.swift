package import Basics
import Glibc
import Synchronization

/// One thread that waits in epoll and runs everything else in turns: readiness handlers, timers,
/// and Swift jobs.
///
/// It is a task executor, so tasks that prefer it run on its thread without a hop, and has a serial
/// executor, so an actor whose `unownedExecutor` is that one is confined to the thread, and loop
/// callbacks may enter it with `assumeIsolated`. The two are different objects: whoever enqueues a job
/// says by that as what it is to run, and a job that runs as something else is enqueued again at
/// its next step.
///
/// Nothing on the loop may block: one slow job delays every connection.
///
// Reason: `local`, `watches` and `poller` are touched by the loop's thread only (each entry point
// checks), everything shared with other threads is behind a Mutex or an Atomic.
package final class EventLoop: TaskExecutor, @unchecked Sendable {
    /// Jobs run in one turn before descriptors and timers get their chance again.
    static let jobsPerTurnMax = 512
    /// Timers fired in one turn.
    static let timersPerTurnMax = 512
    /// The longest wait in epoll; waking up without cause now and then costs nothing.
    private static let waitMilliseconds: Int64 = 60_000

    package let name: String
    let timers = Mutex(TimerHeap())
    /// No timer is due before, in nanoseconds: read without the lock, written under it. A bound, since a
    /// cancelled timer may still count.
    let nothingDueBefore = Atomic<Int64>(.max)
    let poller: Poller
    private let wakeUp: WakeDescriptor
    private let remote = Mutex<[Work]>([])
    private let threadNumber = Atomic<UInt>(0)
    private let isStopping = Atomic<Bool>(false)
    private let thread = Mutex<pthread_t?>(nil)
    private let serial = LoopActors()
    private var local = WorkQueue()
    var watches = WatchTable()
    /// Where every connection of the loop receives; what came is copied out before the next call.
    let receiveBuffer: ReceiveBuffer
    /// When the present turn began.
    private var turn = MonotonicInstant.now
    /// Counts turns.
    private(set) var turnNumber: UInt64 = 0
    /// Other threads have work for this one: the first of a batch signals, so nothing is missed.
    private var wasWoken = false

    /// `name` shows in thread lists. Throws when the process is out of descriptors.
    package init(name: String) throws(SocketError) {
        self.name = name
        poller = try Poller()
        wakeUp = try WakeDescriptor()
        receiveBuffer = ReceiveBuffer()
        try poller.add(Watch(descriptor: wakeUp.descriptor, generation: 0), .readable)
        serial.loop = self
    }

    /// Spawns the thread. Jobs that were enqueued before it are run first. Once only.
    package func start() {
        thread.withLock { thread in
            precondition(thread == nil, "the loop was started already")
            do throws(SocketError) {
                thread = try spawnThread(name: name) { self.runThread() }
            } catch {
                // A process that cannot have its first thread cannot do anything else either.
                preconditionFailure("\(error)")
            }
        }
    }

    /// Asks the thread to end when no job is left. Timers that are not due and watches are dropped:
    /// stop the work that waits for them first.
    package func stop() {
        isStopping.store(true, ordering: .releasing)
        wakeUp.signal()
    }

    /// Blocks until the thread has ended. Never on the loop itself.
    package func join() {
        precondition(!isOnLoop, "the loop cannot wait for itself")
        let started = thread.withLock { thread in
            let started = thread
            thread = nil
            return started
        }
        if let started { joinThread(started) }
    }

    /// Whether the caller runs on the loop's thread.
    package var isOnLoop: Bool {
        threadNumber.load(ordering: .relaxed) == currentThreadNumber()
    }

    /// When the present turn of the loop began: good enough for limits of a tenth of a second and more,
    /// and free, where asking the clock for each request is not. Loop thread only.
    package var now: MonotonicInstant {
        checkIsolated()
        return turn
    }

    // MARK: Jobs

    /// Runs `body` on the loop in a later step, in the order of the calls. Any thread.
    package nonisolated func execute(_ body: @escaping @Sendable () -> Void) {
        submit(.block(body))
    }

    /// Called by the Swift runtime, on any thread, for work of no actor.
    package func enqueue(_ job: consuming ExecutorJob) {
        submit(.job(UnownedJob(job)))
    }

    /// The executor of actors on this loop. Valid while the loop lives, which its actors hold.
    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: serial)
    }

    /// Traps off the loop: to be there is a promise of the code, never of its input.
    package func checkIsolated() {
        precondition(isOnLoop, "this must run on the event loop")
    }

    func submit(_ work: Work) {
        if isOnLoop {
            local.append(work)
            return
        }
        let wasEmpty = remote.withLock { queue in
            queue.append(work)
            return queue.count == 1
        }
        // The loop takes the whole queue at once, so only the first of a batch needs to wake it.
        if wasEmpty { wakeUp.signal() }
    }

    // MARK: The thread

    private func runThread() {
        threadNumber.store(currentThreadNumber(), ordering: .relaxed)
        while true {
            poller.wait(milliseconds: waitLimit(), woke: beginTurn) { watch, ready in
                deliver(watch, ready)
            }
            if wasWoken { takeRemote() }
            runTimers()
            runJobs()
            if isStopping.load(ordering: .acquiring), local.isEmpty {
                takeRemote()
                if local.isEmpty { break }
            }
        }
        threadNumber.store(0, ordering: .relaxed)
    }

    private func beginTurn() {
        turn = .now
        turnNumber &+= 1
    }

    private func waitLimit() -> CInt {
        guard local.isEmpty, !isStopping.load(ordering: .acquiring) else { return 0 }
        let next = nothingDueBefore.load(ordering: .acquiring)
        guard next != .max else { return CInt(Self.waitMilliseconds) }
        let remaining = MonotonicInstant.now.nanoseconds(to: .init(nanoseconds: next))
        guard remaining > 0 else { return 0 }
        // Rounded up: waking before the instant would spin through empty turns.
        return CInt(min(Self.waitMilliseconds, remaining / 1_000_000 + 1))
    }

    private func takeRemote() {
        wasWoken = false
        let batch = remote.withLock { queue in
            let batch = queue
            queue = []
            return batch
        }
        for work in batch { local.append(work) }
    }

    private func runTimers() {
        let now = turn
        guard nothingDueBefore.load(ordering: .acquiring) <= now.nanoseconds else { return }
        for _ in 0..<Self.timersPerTurnMax {
            // One at a time: a timer's body may cancel the next one.
            guard let body = timers.withLock({ takeDue(from: &$0, at: now) }) else { return }
            body()
        }
    }

    private func takeDue(from timers: inout TimerHeap, at now: MonotonicInstant)
        -> (@Sendable () -> Void)?
    {
        if let body = timers.takeDue(at: now) { return body }
        nothingDueBefore.store(timers.earliest()?.nanoseconds ?? .max, ordering: .releasing)
        return nil
    }

    private func runJobs() {
        for _ in 0..<Self.jobsPerTurnMax {
            guard let work = local.takeFirst() else { return }
            switch work {
            case .block(let body): body()
            case .job(let job):
                // The job was handed to this executor by the runtime and is run exactly once.
                unsafe job.runSynchronously(on: asUnownedTaskExecutor())
            case .actorJob(let job):
                // As above.
                unsafe job.runSynchronously(
                    isolatedTo: asUnownedSerialExecutor(),
                    taskExecutor: asUnownedTaskExecutor())
            }
        }
    }

    private func deliver(_ watch: Watch, _ ready: Readiness) {
        guard watch.generation != 0 else {
            wasWoken = true
            return wakeUp.drain()
        }
        // An event fetched before its watch was cancelled, or for an earlier owner of the number.
        guard let entry = watches.entry(watch) else { return }
        var seen = ready
        if !ready.isDisjoint(with: [.hangup, .error]) {
            seen.formUnion(Readiness(rawValue: entry.interest.rawValue))
        }
        entry.handler(seen)
    }

    func wake() { wakeUp.signal() }
}

/// Runs the actors of a loop, on its thread.
// Reason: `loop` is set once, before the loop has a thread or an actor.
private final class LoopActors: SerialExecutor, @unchecked Sendable {
    /// Owns this object; and is held by every actor that runs here.
    unowned var loop: EventLoop?

    /// Called by the Swift runtime, on any thread, for work of an actor.
    func enqueue(_ job: consuming ExecutorJob) { loop?.submit(.actorJob(UnownedJob(job))) }

    func checkIsolated() { loop?.checkIsolated() }

    /// Lets a loop callback, which is no task, enter the loop's actors with `assumeIsolated`.
    func isIsolatingCurrentContext() -> Bool? { loop?.isOnLoop }
}
