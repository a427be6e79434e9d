import Synchronization

/// Takes finished log lines, each with its line feed. Callable from any thread; must not block the
/// caller on a disk or a pipe.
package protocol LogSink: Sendable {
    func write(_ line: [UInt8])
    /// Returns when everything written so far is at its destination.
    func flush()
}

/// Throws lines away: for benchmarks and for tests that do not look at logs.
package struct DiscardingSink: LogSink {
    package init() {}
    package func write(_ line: [UInt8]) {}
    package func flush() {}
}

/// Keeps the newest lines in memory for tests.
package final class MemorySink: LogSink {
    /// Older lines are forgotten beyond this many.
    package static let linesMax = 10_000
    private let kept = Mutex<[String]>([])

    package init() {}

    package func write(_ line: [UInt8]) {
        let text = String(decoding: line.dropLast(), as: UTF8.self)
        kept.withLock { lines in
            if lines.count >= Self.linesMax { lines.removeFirst(Self.linesMax / 2) }
            lines.append(text)
        }
    }

    package func flush() {}

    /// The lines so far, without their line feeds.
    package var lines: [String] { kept.withLock { $0 } }
}
