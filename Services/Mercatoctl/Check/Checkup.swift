package import Sockets

/// One whole check: waits until nothing is under way, then verifies every invariant over all books.
///
/// `mercatoctl check` prints it; a chaos run takes it as the last word of its verdict.
package struct Checkup: Sendable {
    private let reader: AuditReader
    private let loop: EventLoop

    package init(_ reader: AuditReader, loop: EventLoop) {
        self.reader = reader
        self.loop = loop
    }

    package struct Result: Sendable {
        package let report: CheckReport
        /// When nothing was under way any more; nil when the time was over first.
        package let quietAt: ContinuousClock.Instant?
    }

    /// An audit that breaks off is read once more, while there is time.
    ///
    /// - Parameter say: what people may want to read meanwhile.
    package func run(until end: ContinuousClock.Instant, say: (String) -> Void) async throws
        -> Result
    {
        var state = try await look(until: end, say)
        var told = false
        while case let pending = Invariant.pending(state), !pending.isEmpty,
            ContinuousClock.now < end
        {
            if !told {
                let left = (end - ContinuousClock.now).components.seconds
                say("waiting for \(pending.count) things under way, up to \(left + 1) s")
                told = true
            }
            try await loop.sleep(for: .seconds(1))
            state = try await look(until: end, say)
        }
        let quietAt = Invariant.pending(state).isEmpty ? ContinuousClock.now : nil
        let report = CheckReport(state)
        guard !report.isClean else { return Result(report: report, quietAt: quietAt) }
        try await loop.sleep(for: .seconds(1))
        let second = CheckReport(try await look(until: end, say)).confirmed(by: report)
        return Result(report: second, quietAt: quietAt)
    }

    private func look(until end: ContinuousClock.Instant, _ say: (String) -> Void) async throws
        -> AuditState
    {
        try await reader.everything { failure in
            guard ContinuousClock.now < end else { return false }
            say("\(failure.message); reading it once more")
            try await loop.sleep(for: .seconds(1))
            return true
        }
    }
}
