import Synchronization

/// A bounded queue between a producer that must not wait and consumers that do.
///
/// `push` refuses instead of growing; the producer decides what a refusal means (stop reading,
/// drop, fail). Any thread; elements come out in the order of the pushes.
package final class AsyncQueue<Element: Sendable>: AsyncSequence, Sendable {
    private struct State {
        var elements: [Element] = []
        var head = 0
        var isFinished = false
        var waiters: [OneShot<Void>] = []

        var count: Int { elements.count - head }

        mutating func takeFirst() -> Element? {
            guard head < elements.count else { return nil }
            let element = elements[head]
            head += 1
            if head == elements.count || head >= 256 {
                elements.removeFirst(head)
                head = 0
            }
            return element
        }
    }

    private let state = Mutex(State())
    private let capacity: Int

    package init(capacity: Int) { self.capacity = capacity }

    package var count: Int { state.withLock { $0.count } }
    package var isFinished: Bool { state.withLock { $0.isFinished } }

    /// False when the queue is full or finished: the element was not taken.
    @discardableResult
    package func push(_ element: Element) -> Bool {
        let accepted = state.withLock { state in
            guard !state.isFinished, state.count < capacity else { return false }
            state.elements.append(element)
            return true
        }
        if accepted { wakeOne() }
        return accepted
    }

    /// The next element; nil when the queue is finished and empty, or the task is cancelled.
    package func next() async -> Element? {
        while !Task.isCancelled {
            let cell = OneShot<Void>()
            let (element, isOver) = state.withLock { state -> (Element?, Bool) in
                if let element = state.takeFirst() { return (element, false) }
                if !state.isFinished { state.waiters.append(cell) }
                return (nil, state.isFinished)
            }
            if let element {
                // A wake-up may have gone to a consumer that was cancelled: pass it on.
                if count > 0 { wakeOne() }
                return element
            }
            if isOver { return nil }
            do {
                try await cell.value()
            } catch {
                state.withLock { $0.waiters.removeAll { $0 === cell } }
                return nil
            }
        }
        // A wake-up that reached this cancelled consumer belongs to another.
        if count > 0 { wakeOne() }
        return nil
    }

    /// Lets consumers have what is queued, and then nil.
    package func finish() {
        let waiters = state.withLock { state in
            state.isFinished = true
            let waiters = state.waiters
            state.waiters = []
            return waiters
        }
        for waiter in waiters { waiter.succeed() }
    }

    private func wakeOne() {
        while true {
            let waiter = state.withLock { state in
                state.waiters.isEmpty ? nil : state.waiters.removeFirst()
            }
            guard let waiter, !waiter.succeed() else { return }
        }
    }

    package struct Iterator: AsyncIteratorProtocol {
        let queue: AsyncQueue

        package mutating func next() async -> Element? { await queue.next() }
    }

    package func makeAsyncIterator() -> Iterator { Iterator(queue: self) }
}
