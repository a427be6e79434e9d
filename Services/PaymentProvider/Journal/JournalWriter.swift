import Foundation
import Glibc

/// Writes journal lines durably on a thread of its own, so that the loop never waits for the disk.
/// Lines that arrive while one `fdatasync` runs share the next one.
///
/// After a failed write nothing more is accepted: what the disk holds is then unknown, and only a
/// restart, which reads the file again, can tell.
///
/// `@unchecked Sendable`: every stored `var` is touched only between `lock()` and `unlock()` of the
/// condition, or only by the writer thread.
// Reason: the queue is shared with a thread that blocks in fdatasync; NSCondition guards it.
final class JournalWriter: @unchecked Sendable {
    typealias Completion = @Sendable (Result<Void, JournalError>) -> Void

    /// Lines waiting for the disk; beyond it the provider answers 503 rather than grow.
    static let queueLimit = 10_000

    private let path: String
    private let descriptor: Int32
    private let condition = NSCondition()
    private var queue: [(line: [UInt8], completion: Completion)] = []
    private var failure: JournalError?
    private var isClosing = false
    private var isClosed = false

    /// Takes over the descriptor, which stands at the end of the file.
    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    func start() {
        let thread = Thread { [self] in run() }
        thread.name = "journal"
        thread.start()
    }

    /// Queues one line (without newline). Any thread. `completion` is called once, on the writer's
    /// thread when the line is durable or has failed, or at once when it was not accepted.
    func append(_ line: [UInt8], completion: @escaping Completion) {
        condition.lock()
        let refusal: JournalError? =
            if let failure {
                failure
            } else if isClosing {
                JournalError(code: .failed, path: path)
            } else if queue.count >= Self.queueLimit {
                JournalError(code: .queueFull, path: path)
            } else {
                nil
            }
        if refusal == nil {
            queue.append((line, completion))
            condition.signal()
        }
        condition.unlock()
        if let refusal { completion(.failure(refusal)) }
    }

    /// Writes what is queued, closes the file and ends the thread. Blocks for at most one flush.
    func close() {
        condition.lock()
        isClosing = true
        condition.broadcast()
        while !isClosed { condition.wait() }
        condition.unlock()
    }

    private func run() {
        while let batch = nextBatch() {
            let result = write(batch.map(\.line))
            if case .failure(let error) = result {
                condition.lock()
                failure = JournalError(code: .failed, path: path, number: error.number)
                condition.unlock()
            }
            for entry in batch { entry.completion(result) }
        }
        JournalFile.release(descriptor)
        condition.lock()
        isClosed = true
        condition.broadcast()
        condition.unlock()
    }

    private func nextBatch() -> [(line: [UInt8], completion: Completion)]? {
        condition.lock()
        defer { condition.unlock() }
        while queue.isEmpty && !isClosing { condition.wait() }
        guard !queue.isEmpty else { return nil }
        let batch = queue
        queue = []
        return batch
    }

    private func write(_ lines: [[UInt8]]) -> Result<Void, JournalError> {
        if let failure { return .failure(failure) }
        var bytes: [UInt8] = []
        for line in lines {
            bytes.append(contentsOf: line)
            bytes.append(UInt8(ascii: "\n"))
        }
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress?.advanced(by: offset), $0.count - offset)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                return .failure(JournalError(code: .write, path: path, number: errno))
            }
            offset += count
        }
        guard fdatasync(descriptor) == 0 else {
            return .failure(JournalError(code: .write, path: path, number: errno))
        }
        return .success(())
    }
}
