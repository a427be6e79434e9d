import Synchronization
import Testing

@testable import Sockets

@Suite struct WorkQueueTests {
    /// Pushes and takes in waves, and compares with what went in.
    @Test(arguments: [1, 2, 700, 5_000])
    func `what goes in first comes out first, also when the queue never runs empty`(wave: Int) {
        var queue = WorkQueue()
        let ran = Mutex<[Int]>([])
        var (added, expected) = (0, 0)
        func take(_ count: Int) {
            for _ in 0..<count {
                guard case .block(let body)? = queue.takeFirst() else {
                    Issue.record("the queue ended early")
                    return
                }
                body()
            }
        }
        for round in 0..<20 {
            for _ in 0..<wave {
                let number = added
                queue.append(.block { ran.withLock { $0.append(number) } })
                added += 1
            }
            // Every fifth round ends with an empty queue, the others leave something behind.
            let count = round % 5 == 4 ? added - expected : (added - expected + 1) / 2
            take(count)
            expected += count
            #expect(queue.isEmpty == (added == expected))
        }
        #expect(ran.withLock { $0 } == Array(0..<added))
        if queue.takeFirst() != nil { Issue.record("something is left") }
    }
}
