internal import Basics
package import Sockets
package import Telemetry

/// The idempotent producer (D5): it keeps the order of a partition across its own retries, and
/// answers with one result per record. Create one per process; it lives on its loop.
///
/// Durability and retries are the caller's: a failed record is still in the outbox.
package actor Producer {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    /// - open → lost (fatal error: the handle goes, the next send makes a new one) | closed.
    /// - lost → open | closed.
    private enum State {
        case open(Client, Watch?)
        case lost
        case closed
    }

    private let configuration: KafkaConfiguration
    private let logger: Logger
    private var state: State
    private var table = DeliveryTable()
    private var waiting: [UInt: CheckedContinuation<[Result<Int64, KafkaError>], Never>] = [:]
    private let idle = AsyncSignal()
    /// A `close()` is waiting for reports.
    private var isClosing = false
    private let delivered: Counter
    private let failed: Counter
    private let recreated: Counter

    /// Events handled before other work of the loop gets its turn.
    private static let eventsPerTurn = 256

    /// Throws `.configuration` when the library refuses a property. A missing broker is no error.
    package init(
        _ configuration: KafkaConfiguration, loop: EventLoop, logger: Logger,
        metrics: MetricsRegistry
    ) throws(KafkaError) {
        self.configuration = configuration
        self.loop = loop
        self.logger = logger.with(["client": "producer"])
        delivered = metrics.counter(
            "kafka_producer_delivered_total", help: "Records acknowledged by the broker.")
        failed = metrics.counter(
            "kafka_producer_failed_total", help: "Records reported as not delivered.")
        recreated = metrics.counter(
            "kafka_producer_recreated_total", help: "Handles replaced after a fatal error.")
        state = .open(try Client(.producer(configuration)), nil)
        loop.execute { self.assumeIsolated { $0.startWatching() } }
    }

    deinit {
        if case .open(_, let watch?) = state {
            let loop = self.loop
            loop.execute { loop.cancel(watch) }
        }
    }

    /// Publishes records and awaits their delivery reports: one result per record, in order, each
    /// the record's offset (-1 when the broker had it already) or why it failed. When the library
    /// refuses a record for a passing reason, those after it are refused too, so that order within
    /// a key is kept.
    ///
    /// On cancellation it returns at once: records without a report fail with `.cancelled`, though
    /// they may still be written.
    package func send(_ records: [ProducerRecord]) async -> [Result<Int64, KafkaError>] {
        guard !records.isEmpty else { return [] }
        let client: Client
        do throws(KafkaError) {
            client = try openClient()
        } catch {
            return records.map { _ in .failure(error) }
        }
        let batch = table.open(count: records.count)
        let (finished, refusal) = enqueue(records, batch: batch, client: client)
        if let refusal, refusal.isFatal {
            let outcomes = (finished ?? table.giveUp(batch, refusal))?.outcomes
            lose(refusal)
            return outcomes ?? records.map { _ in .failure(refusal) }
        }
        if let finished { return finished.outcomes }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { waiting[batch] = $0 }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.cancel(batch) } }
        }
    }

    /// Waits a bounded time for outstanding reports, then lets the handle go. Later sends fail, from
    /// the beginning of the wait on. A second call returns at once.
    package func close() async {
        guard !isClosing else { return }
        isClosing = true
        let deadline = Deadline.after(configuration.closeTimeout)
        while table.pending > 0 {
            do {
                guard try await idle.wait(atMost: deadline.remaining, on: loop) else { break }
            } catch {
                // The caller was cancelled: its own deadline passed, so what is left is given up.
                break
            }
        }
        release(.closed, KafkaError(.closed, "the producer was closed"))
    }

    // MARK: Sending

    private func enqueue(
        _ records: [ProducerRecord], batch: UInt, client: Client
    ) -> (finished: DeliveryTable.Finished?, refusal: KafkaError?) {
        var refusal: KafkaError?
        var finished: DeliveryTable.Finished?
        for (index, record) in records.enumerated() {
            let token = table.token(batch: batch, index: index)
            if refusal == nil {
                do throws(KafkaError) {
                    try client.produce(record, token: token)
                    continue
                } catch {
                    failed.increment()
                    if error.isPermanent {
                        finished = table.settle(token, .failure(error))
                        continue
                    }
                    refusal = error
                }
            }
            if let refusal { finished = table.settle(token, .failure(refusal)) }
        }
        return (finished, refusal)
    }

    private func cancel(_ batch: UInt) {
        let error = KafkaError(.cancelled, "the send was cancelled")
        if let finished = table.giveUp(batch, error) { deliver(finished) }
    }

    private func deliver(_ finished: DeliveryTable.Finished) {
        waiting.removeValue(forKey: finished.batch)?.resume(returning: finished.outcomes)
    }

    // MARK: The handle

    private func openClient() throws(KafkaError) -> Client {
        if isClosing { throw KafkaError(.closed, "the producer was closed") }
        switch state {
        case .open(let client, _): return client
        case .closed: throw KafkaError(.closed, "the producer was closed")
        case .lost:
            let client = try Client(.producer(configuration))
            state = .open(client, nil)
            recreated.increment()
            startWatching()
            // Lost again at once: nobody would hear of what this one is given.
            guard case .open = state else {
                throw KafkaError(.fatal, "the new handle was lost at once")
            }
            return client
        }
    }

    private func startWatching() {
        guard case .open(let client, nil) = state else { return }
        do {
            let watch = try loop.watch(client.wake.descriptor, .readable) { [weak self] _ in
                self?.assumeIsolated { $0.drain() }
            }
            state = .open(client, watch)
            drain()
        } catch {
            release(.lost, KafkaError(.other, "watch of the event queue: \(error)"))
        }
    }

    private func lose(_ error: KafkaError) {
        guard case .open = state else { return }
        logger.error("kafka producer lost its handle", ["cause": .init(describing: error)])
        release(.lost, error)
    }

    /// For tests: as if the broker had ended this producer for good.
    func simulateFatalError() {
        if case .open(let client, _) = state { client.simulateFatalError() }
    }

    /// Lets the handle go; the library's shutdown runs on a thread of its own.
    private func release(_ next: State, _ error: KafkaError) {
        if case .open(_, let watch?) = state { loop.cancel(watch) }
        state = next
        for finished in table.giveUpAll(error) { deliver(finished) }
        idle.raise()
    }

    // MARK: Events

    private func drain() {
        guard case .open(let client, _) = state else { return }
        client.wake.drain()
        for _ in 0..<Self.eventsPerTurn {
            guard let event = client.poll() else { return }
            handle(event)
            // A fatal error ends this handle in the middle of its queue.
            guard case .open = state else { return }
        }
        // The library signals only an empty queue, so what is left is announced by ourselves.
        client.wake.signal()
    }

    private func handle(_ event: ClientEvent) {
        switch event {
        case .deliveries(let reports):
            for report in reports {
                if case .success = report.result {
                    delivered.increment()
                } else {
                    failed.increment()
                }
                if let finished = table.settle(report.token, report.result) { deliver(finished) }
            }
            if table.pending == 0 { idle.raise() }
        case .error(let error) where error.isFatal:
            lose(error)
        case .error(let error), .partitionError(_, let error, _):
            logger.info("kafka producer error", ["cause": .init(describing: error)])
        case .log(let severity, let facility, let text):
            ClientLog.write(severity: severity, facility: facility, text: text, to: logger)
        case .record, .assign, .revoke, .committed, .topicsCreated, .other:
            break
        }
    }
}
