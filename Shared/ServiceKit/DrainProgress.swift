import Synchronization

/// What still runs, by name: the answer to "why does it not end?". Any thread.
final class DrainProgress: Sendable {
    private let running = Mutex<[String: Int]>([:])

    func begin(_ name: String) { running.withLock { $0[name, default: 0] += 1 } }

    func finish(_ name: String) {
        running.withLock { running in
            let left = (running[name] ?? 0) - 1
            running[name] = left > 0 ? left : nil
        }
    }

    /// Names in order, separated by commas.
    var remaining: String {
        running.withLock { $0.keys.sorted().joined(separator: ", ") }
    }
}
