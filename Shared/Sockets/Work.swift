/// One thing for the loop to run: a Swift job, of an actor or of none, or a plain closure.
enum Work: Sendable {
    case job(UnownedJob)
    case actorJob(UnownedJob)
    case block(@Sendable () -> Void)
}

/// A first-in first-out queue that keeps its storage between turns.
struct WorkQueue {
    private var items: [Work?] = []
    private var head = 0

    var isEmpty: Bool { head == items.count }

    mutating func append(_ work: Work) { items.append(work) }

    mutating func takeFirst() -> Work? {
        guard head < items.count else { return nil }
        // Moved out, not copied.
        var work: Work?
        swap(&work, &items[head])
        head += 1
        if head == items.count {
            items.removeAll(keepingCapacity: items.capacity <= 4_096)
            head = 0
        } else if head >= 1_024 {
            // A queue that never runs empty must not keep what it has already done.
            items.removeFirst(head)
            head = 0
        }
        return work
    }
}
