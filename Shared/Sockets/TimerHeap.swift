import Basics

/// Names one scheduled timer. Cancelling a timer that has fired does nothing.
package struct TimerToken: Sendable, Hashable {
    let number: UInt64
}

/// Timers by instant, and by order of scheduling among equals: a binary heap plus the bodies.
///
/// Cancelling removes the body only; its heap entry is skipped when it comes up, or swept when
/// such entries outnumber the live ones.
struct TimerHeap {
    private struct Entry {
        let instant: MonotonicInstant
        let number: UInt64

        func isBefore(_ other: Entry) -> Bool {
            instant != other.instant ? instant < other.instant : number < other.number
        }
    }

    private var heap: [Entry] = []
    private var bodies: [UInt64: @Sendable () -> Void] = [:]
    private var lastNumber: UInt64 = 0

    var count: Int { bodies.count }

    mutating func add(at instant: MonotonicInstant, _ body: @escaping @Sendable () -> Void)
        -> TimerToken
    {
        lastNumber += 1
        bodies[lastNumber] = body
        heap.append(Entry(instant: instant, number: lastNumber))
        siftUp(heap.count - 1)
        return TimerToken(number: lastNumber)
    }

    /// Returns the body, so that its captures are released outside any lock.
    mutating func cancel(_ token: TimerToken) -> (@Sendable () -> Void)? {
        let body = bodies.removeValue(forKey: token.number)
        if heap.count > 64, heap.count > 2 * bodies.count { sweep() }
        return body
    }

    /// The instant of the earliest live timer.
    mutating func earliest() -> MonotonicInstant? {
        while let first = heap.first, bodies[first.number] == nil { _ = removeFirst() }
        return heap.first?.instant
    }

    /// Takes the earliest timer that is due at `now`.
    mutating func takeDue(at now: MonotonicInstant) -> (@Sendable () -> Void)? {
        while let first = heap.first, first.instant <= now {
            _ = removeFirst()
            if let body = bodies.removeValue(forKey: first.number) { return body }
        }
        return nil
    }

    private mutating func sweep() {
        heap.removeAll { bodies[$0.number] == nil }
        for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { siftDown(index) }
    }

    private mutating func removeFirst() -> Entry {
        let first = heap[0]
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            siftDown(0)
        }
        return first
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            guard heap[index].isBefore(heap[parent]) else { return }
            heap.swapAt(index, parent)
            index = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        while true {
            var smallest = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < heap.count && heap[child].isBefore(heap[smallest]) {
                smallest = child
            }
            guard smallest != index else { return }
            heap.swapAt(index, smallest)
            index = smallest
        }
    }
}
