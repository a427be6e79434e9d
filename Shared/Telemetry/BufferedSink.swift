import Basics
import Foundation

/// Hands lines to a writer thread through a bounded queue, so that a slow disk or a full pipe
/// never stops the event loop. When the queue is full lines are dropped, counted, and the count is
/// written as a warning as soon as there is room.
// Reason: every mutable member is read and written only while `condition` is held; the output is
// touched by the writer thread alone.
package final class BufferedSink: LogSink, @unchecked Sendable {
    /// The most bytes that may wait for the writer.
    package static let pendingBytesMax = 4 * 1_048_576
    /// The longest that `flush` waits for a destination that does not take bytes.
    package static let flushLimit: Duration = .seconds(2)

    private let condition = NSCondition()
    private let pendingMax: Int
    private let service: String
    private var pending: [UInt8] = []
    private var isWriting = false
    private var isClosed = false
    private var dropped = 0
    private var droppedInTotal = 0

    /// - Parameter service: named in the warning about dropped lines.
    package init(
        service: String, output: any LogOutput, pendingBytesMax: Int = BufferedSink.pendingBytesMax
    ) {
        self.service = service
        pendingMax = pendingBytesMax
        let thread = Thread { [self] in pump(into: output) }
        thread.name = "log-writer"
        thread.stackSize = 512 * 1024
        thread.start()
    }

    package func write(_ line: [UInt8]) {
        condition.lock()
        defer { condition.unlock() }
        guard !isClosed, pending.count + line.count <= pendingMax else {
            dropped += 1
            droppedInTotal += 1
            return
        }
        let wasIdle = pending.isEmpty
        pending.append(contentsOf: line)
        if wasIdle { condition.broadcast() }
    }

    package func flush() {
        let limit = Date(timeIntervalSinceNow: Self.flushLimit.inSeconds)
        condition.lock()
        defer { condition.unlock() }
        while !pending.isEmpty || isWriting {
            guard condition.wait(until: limit) else { return }
        }
    }

    /// Writes what is left and ends the writer thread; later lines are dropped.
    package func close() {
        flush()
        condition.lock()
        isClosed = true
        condition.broadcast()
        condition.unlock()
    }

    /// Lines lost to a full queue since the start.
    package var droppedLines: Int {
        condition.lock()
        defer { condition.unlock() }
        return droppedInTotal
    }

    private func pump(into output: any LogOutput) {
        while let batch = nextBatch() {
            output.write(batch)
            condition.lock()
            isWriting = false
            condition.broadcast()
            condition.unlock()
        }
    }

    /// Waits for lines; nil when closed. The batch leaves the queue before it is written, so
    /// loggers go on while the output is busy.
    private func nextBatch() -> [UInt8]? {
        condition.lock()
        defer { condition.unlock() }
        while pending.isEmpty && !isClosed { condition.wait() }
        guard !pending.isEmpty else { return nil }
        var batch: [UInt8] = []
        swap(&batch, &pending)
        if dropped > 0 {
            batch += LogLine.encode(
                at: .now(), level: .warning, service: service, message: "log lines were dropped",
                fields: ["dropped": .init(dropped)])
            dropped = 0
        }
        isWriting = true
        return batch
    }
}
