/// One thing for the loop to run: a Swift job, of an actor or of none, or a plain closure.
enum Work: Sendable {
    case job(UnownedJob)
    case actorJob(UnownedJob)
    case block(@Sendable () -> Void)
}

/// A first-in first-out queue that keeps its storage between turns.
struct WorkQueue {
    /// What waits is in `head..<tail`; the places around it are empty and used again.
    private var items: [Work?] = []
    private var head = 0
    private var tail = 0

    var isEmpty: Bool { head == tail }

    mutating func append(_ work: Work) {
        if tail < items.count { items[tail] = work } else { items.append(work) }
        tail += 1
    }

    mutating func takeFirst() -> Work? {
        guard head < tail else { return nil }
        // Moved out, not copied.
        var work: Work?
        swap(&work, &items[head])
        head += 1
        if head == tail {
            if items.count > 4_096 { items = [] }
            (head, tail) = (0, 0)
        } else if head >= 1_024 {
            // A queue that never runs empty must not grow for what it has already done.
            items.removeFirst(head)
            (head, tail) = (0, tail - head)
        }
        return work
    }
}
