import Sockets
import Synchronization
import Telemetry

/// Spans that wait for delivery, a bounded number. A full queue drops the newest and counts it: what
/// is traced must never wait for those who trace.
final class SpanQueue: SpanSink {
    private let capacity: Int
    private let batchMax: Int
    private let waiting = Mutex<[FinishedSpan]>([])
    private let droppedFull: Counter
    /// Raised when a batch is full.
    let isReady = AsyncSignal()

    init(capacity: Int, batchMax: Int, droppedFull: Counter) {
        self.capacity = capacity
        self.batchMax = batchMax
        self.droppedFull = droppedFull
    }

    func take(_ span: FinishedSpan) {
        let count = waiting.withLock { waiting -> Int? in
            guard waiting.count < capacity else { return nil }
            waiting.append(span)
            return waiting.count
        }
        guard let count else { return droppedFull.increment() }
        if count == batchMax { isReady.raise() }
    }

    var count: Int { waiting.withLock { $0.count } }

    /// The oldest spans, at most a batch; they are no longer in the queue.
    func next() -> [FinishedSpan] {
        waiting.withLock { waiting in
            let batch = Array(waiting.prefix(batchMax))
            waiting.removeFirst(batch.count)
            return batch
        }
    }
}
