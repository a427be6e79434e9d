import Testing

@testable import Sockets

@Suite(.timeLimit(.minutes(1)))
struct LoopSemaphoreTests {
    @Test func `no more holders than permits, and every permit comes back`() async throws {
        try await withLoop { loop in
            let semaphore = LoopSemaphore(permits: 3)
            let now = Guarded(0)
            let most = Guarded(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<50 {
                    group.addTask(executorPreference: index % 2 == 0 ? loop : nil) {
                        try await semaphore.withPermit {
                            now.change { $0 += 1 }
                            most.change { $0 = max($0, now()) }
                            try await loop.sleep(for: .microseconds(100))
                            now.change { $0 -= 1 }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(most() == 3)
            #expect(semaphore.available == 3)
        }
    }

    @Test func `a cancelled waiter leaves the queue and loses no permit`() async throws {
        let semaphore = LoopSemaphore(permits: 1)
        try await semaphore.acquire()
        let waiter = Task { try await semaphore.acquire() }
        while semaphore.waiting == 0 { await Task.yield() }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
        #expect(semaphore.waiting == 0)
        semaphore.release()
        #expect(semaphore.available == 1)
        #expect(semaphore.tryAcquire())
        #expect(!semaphore.tryAcquire())
    }

    @Test func `one waiter too many is refused`() async throws {
        let semaphore = LoopSemaphore(permits: 0, waitersMax: 0)
        await #expect(throws: SocketError(.limitReached, "semaphore")) {
            try await semaphore.acquire()
        }
    }
}

@Suite(.timeLimit(.minutes(1)))
struct AsyncQueueTests {
    @Test func `elements come out in order and then the end`() async throws {
        let queue = AsyncQueue<Int>(capacity: 1_000)
        async let received = {
            var all: [Int] = []
            for await element in queue { all.append(element) }
            return all
        }()
        for number in 0..<1_000 { #expect(queue.push(number)) }
        queue.finish()
        #expect(await received == Array(0..<1_000))
        #expect(!queue.push(1))
    }

    @Test func `a full queue refuses`() async {
        let queue = AsyncQueue<Int>(capacity: 2)
        #expect(queue.push(1) && queue.push(2) && !queue.push(3))
        #expect(await queue.next() == 1)
        #expect(queue.push(3))
    }

    @Test func `a cancelled consumer gets nil`() async {
        let queue = AsyncQueue<Int>(capacity: 2)
        let consumer = Task { await queue.next() }
        consumer.cancel()
        #expect(await consumer.value == nil)
        #expect(queue.push(1))
        #expect(await queue.next() == 1)
    }
}

@Suite(.timeLimit(.minutes(1)))
struct AsyncSignalTests {
    @Test func `a signal raised before the wait is not lost, and signals coalesce`() async throws {
        try await withLoop { loop in
            let signal = AsyncSignal()
            signal.raise()
            signal.raise()
            try await signal.wait()
            let again = try await signal.wait(atMost: .milliseconds(2), on: loop)
            #expect(!again)
            loop.execute { signal.raise() }
            let later = try await signal.wait(atMost: .seconds(30), on: loop)
            #expect(later)
        }
    }
}
