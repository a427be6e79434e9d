import Basics
import Glibc
import Synchronization
import Testing

@testable import Sockets

@Suite(.timeLimit(.minutes(1)))
struct EventLoopTests {
    actor Confined {
        nonisolated let loop: EventLoop
        nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
        private(set) var count = 0

        init(_ loop: EventLoop) { self.loop = loop }

        func add() -> Bool {
            count += 1
            return loop.isOnLoop
        }

        func addSlowly() async throws -> Bool {
            try await loop.sleep(for: .milliseconds(1))
            count += 1
            return loop.isOnLoop
        }

        func limited() async throws -> Int {
            try await loop.withTimeout(.seconds(5)) {
                self.count += 1
                try await self.loop.sleep(for: .milliseconds(1))
                return self.count
            }
        }
    }

    @Test func `work from other threads wakes a waiting loop`() async throws {
        try await withLoop { loop in
            for _ in 0..<100 {
                let isThere = try await onLoop(loop) { loop.isOnLoop }
                #expect(isThere)
            }
            #expect(!loop.isOnLoop)
        }
    }

    @Test func `work from many threads is run exactly once and in each thread's order`()
        async throws
    {
        try await withLoop { loop in
            let seen = Collector<Int>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for thread in 0..<4 {
                    group.addTask {
                        try await onDedicatedThread("writer") {
                            for index in 0..<1_000 {
                                loop.execute { seen.add(thread * 10_000 + index) }
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let all = try await seen.wait(for: 4_000)
            #expect(Set(all).count == 4_000)
            for thread in 0..<4 {
                let own = all.filter { $0 / 10_000 == thread }
                #expect(own == own.sorted())
            }
        }
    }

    @Test func `a task that prefers the loop stays on it across suspensions`() async throws {
        try await withLoop { loop in
            let places = try await withTaskExecutorPreference(loop) {
                var places = [loop.isOnLoop]
                try await loop.sleep(for: .milliseconds(1))
                places.append(loop.isOnLoop)
                async let child = { loop.isOnLoop }()
                places.append(await child)
                return places
            }
            #expect(places == [true, true, true])
        }
    }

    @Test func `an actor on the loop runs on its thread and callbacks may enter it`() async throws {
        try await withLoop { loop in
            let actor = Confined(loop)
            #expect(await actor.add())
            let isStillThere = try await actor.addSlowly()
            #expect(isStillThere)
            let count = try await onLoop(loop) { actor.assumeIsolated { $0.count } }
            #expect(count == 2)
        }
    }

    @Test func `a busy chain of jobs does not keep timers from firing`() async throws {
        try await withLoop { loop in
            let stop = AtomicFlag()
            @Sendable func spin() {
                if !stop.isRaised { loop.execute { spin() } }
            }
            loop.execute { spin() }
            try await loop.sleep(for: .milliseconds(5))
            stop.raise()
        }
    }

    @Test func `stopping runs what was enqueued before`() throws {
        let loop = try EventLoop(name: "short")
        let count = Guarded(0)
        for _ in 0..<1_000 { loop.execute { count.change { $0 += 1 } } }
        loop.start()
        loop.stop()
        loop.join()
        #expect(count() == 1_000)
    }
}

@Suite(.timeLimit(.minutes(1)))
struct EventLoopTimeTests {
    @Test func `timers fire by instant, and by order of scheduling among equals`() async throws {
        try await withLoop { loop in
            let fired = Collector<Int>()
            for delay in [30, 10, 20, 0, 10] {
                _ = loop.schedule(after: .milliseconds(delay)) { fired.add(delay) }
            }
            let order = try await fired.wait(for: 5)
            #expect(order == [0, 10, 10, 20, 30])
        }
    }

    @Test func `a cancelled timer does not fire, even when it was due in the same turn`()
        async throws
    {
        try await withLoop { loop in
            let fired = Collector<String>()
            try await onLoop(loop) {
                let tokens = Guarded<[TimerToken]>([])
                let first = loop.schedule(after: .zero) {
                    fired.add("first")
                    tokens().forEach { loop.cancel($0) }
                }
                let later = loop.schedule(after: .zero) { fired.add("cancelled") }
                tokens.change { $0 = [first, later] }
                _ = loop.schedule(after: .milliseconds(2)) { fired.add("last") }
            }
            let order = try await fired.wait(for: 2)
            #expect(order == ["first", "last"])
            #expect(loop.timers.withLock { $0.count } == 0)
        }
    }

    @Test func `a cancelled sleep throws at once and leaves no timer`() async throws {
        try await withLoop { loop in
            let sleeper = Task { try await loop.sleep(for: .seconds(3_600)) }
            while loop.timers.withLock({ $0.count }) == 0 { await Task.yield() }
            sleeper.cancel()
            await #expect(throws: CancellationError.self) { try await sleeper.value }
            #expect(loop.timers.withLock { $0.count } == 0)
        }
    }

    @Test func `a time-out cancels the body and says so`() async throws {
        try await withLoop { loop in
            let wasCancelled = AtomicFlag()
            await #expect(throws: TimeoutError(limit: .milliseconds(5))) {
                try await loop.withTimeout(.milliseconds(5)) {
                    do {
                        try await loop.sleep(for: .seconds(3_600))
                    } catch {
                        wasCancelled.raise()
                        throw error
                    }
                }
            }
            #expect(wasCancelled.isRaised)
            #expect(loop.timers.withLock { $0.count } == 0)
        }
    }

    @Test func `a body within its time gives its value or its own error`() async throws {
        try await withLoop { loop in
            let value = try await loop.withTimeout(.seconds(30)) { 42 }
            #expect(value == 42)
            await #expect(throws: SocketError(.closed, "own")) {
                try await loop.withTimeout(.seconds(30)) { throw SocketError(.closed, "own") }
            }
            #expect(loop.timers.withLock { $0.count } == 0)
        }
    }

    @Test func `the body of a time-out keeps the caller's isolation`() async throws {
        try await withLoop { loop in
            let count = try await EventLoopTests.Confined(loop).limited()
            #expect(count == 1)
        }
    }

    @Test func `cancelling the caller of withTimeout cancels the body with its own error`()
        async throws
    {
        try await withLoop { loop in
            let started = OneShot<Void>()
            let task = Task {
                try await loop.withTimeout(.seconds(3_600)) {
                    started.succeed()
                    try await loop.sleep(for: .seconds(3_600))
                }
            }
            try await started.value()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }
}

struct TimerHeapTests {
    @Test func `sweeping cancelled timers keeps the order of the rest`() {
        var heap = TimerHeap()
        let start = MonotonicInstant.now
        let fired = Guarded<[Int]>([])
        var tokens: [Int: TimerToken] = [:]
        for number in (0..<1_000).reversed() {
            tokens[number] = heap.add(at: start.advanced(by: .milliseconds(number))) {
                fired.change { $0.append(number) }
            }
        }
        for (number, token) in tokens where number % 10 != 0 { #expect(heap.cancel(token) != nil) }
        #expect(heap.count == 100)
        #expect(heap.earliest() == start)
        while let body = heap.takeDue(at: start.advanced(by: .seconds(2))) { body() }
        #expect(fired() == (0..<100).map { $0 * 10 })
        #expect(heap.earliest() == nil)
    }
}
