internal import CKafka
package import Sockets
package import Telemetry

/// A member of a consumer group with the profile of D8. The owner calls `next()` in a loop, commits
/// its own transaction, and only then stores the offset; stored offsets are committed in the
/// background, and before a revocation is let through.
///
/// It serves the library's events even while the owner is busy, so a slow transaction never delays
/// a rebalance; records read ahead meanwhile are bounded by pausing the partitions.
package actor Consumer {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    /// - idle → revoking (a revocation waits for the commit of stored offsets) → idle.
    enum Rebalance {
        case idle
        case revoking([TopicPartition], token: UInt, limit: TimerToken)
    }

    let configuration: KafkaConfiguration
    let logger: Logger
    /// Nil once closed.
    var client: Client?
    var watch: Watch?
    var ledger = PartitionLedger()
    var buffer = ConsumerBuffer()
    var rebalance = Rebalance.idle
    /// While it is on, every partition is paused.
    var holdBack: HoldBack
    var lastCommitToken: UInt = 0
    var repositioning: TimerToken?
    private(set) var heartbeat: TimerToken?
    /// Numbered, because a cancellation may come when its caller was answered already.
    private(set) var waiter:
        (number: UInt, continuation: CheckedContinuation<ConsumerEvent, any Error>)?
    private var lastWaiter: UInt = 0
    private let received: Counter
    private let dropped: Counter
    private let waiting: Gauge
    private let held: Gauge

    /// Events handled before other work of the loop gets its turn.
    private static let eventsPerTurn = 256
    /// Longest time between two looks at the lag.
    private static let beatMax: Duration = .seconds(1)

    /// Joins `group` for `topics`. `instanceID` is given only where the name is stable (KIP-345):
    /// then a restart within the session time-out causes no rebalance. Throws `.configuration` when
    /// the library refuses a property; a missing broker is no error.
    package init(
        _ configuration: KafkaConfiguration, group: String, instanceID: String? = nil,
        topics: [String], loop: EventLoop, logger: Logger, metrics: MetricsRegistry
    ) throws(KafkaError) {
        self.configuration = configuration
        holdBack = HoldBack(
            recordLimit: configuration.consumerBufferRecords,
            byteLimit: configuration.consumerBufferBytes)
        self.loop = loop
        self.logger = logger.with(["client": "consumer", "group": .string(group)])
        received = metrics.counter(
            "kafka_consumer_records_total", help: "Records handed to their owner.",
            labels: ["group": group])
        dropped = metrics.counter(
            "kafka_consumer_dropped_total",
            help: "Records dropped because their partition was not owned.",
            labels: ["group": group])
        waiting = metrics.gauge(
            "kafka_consumer_lag_records", help: "Records of the log that are not settled yet.",
            labels: ["group": group, "topic": topics.joined(separator: ",")])
        held = metrics.gauge(
            "kafka_consumer_partitions", help: "Partitions assigned to this process.",
            labels: ["group": group, "topic": topics.joined(separator: ",")])
        let client = try Client(
            .consumer(configuration, group: group, instanceID: instanceID))
        try client.subscribe(topics)
        self.client = client
        loop.execute { self.assumeIsolated { $0.startWatching() } }
    }

    deinit {
        let (loop, watch, timers) = (self.loop, self.watch, [self.heartbeat, self.repositioning])
        loop.execute {
            if let watch { loop.cancel(watch) }
            for case let timer? in timers { loop.cancel(timer) }
        }
    }

    /// The next event. One caller at a time. Throws `CancellationError`, or `KafkaError` with
    /// `.closed` after `close()`.
    package func next() async throws -> ConsumerEvent {
        try Task.checkCancellation()
        if let event = takeNext() { return event }
        guard client != nil else { throw KafkaError(.closed, "the consumer was closed") }
        guard waiter == nil else {
            throw KafkaError(.other, "another caller already waits for the next event")
        }
        lastWaiter += 1
        let number = lastWaiter
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter = (number, $0) }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.cancelWait(number) } }
        }
    }

    /// Commits stored offsets, leaves the group and lets the handle go. Waits for that for the
    /// session time-out and the close time-out together; a broker that does not answer by then is
    /// left to a thread of its own.
    package func close() async {
        guard let client else { return }
        self.client = nil
        if let watch { loop.cancel(watch) }
        for case let timer? in [heartbeat, repositioning] { loop.cancel(timer) }
        // The library's close answers a revocation that is under way by itself.
        if case .revoking(_, _, let limit) = rebalance { loop.cancel(limit) }
        watch = nil
        heartbeat = nil
        repositioning = nil
        rebalance = .idle
        ledger.revoke(ledger.owned)
        buffer = ConsumerBuffer()
        wake(throwing: KafkaError(.closed, "the consumer was closed"))
        do throws(KafkaError) {
            let limit = configuration.sessionTimeout + configuration.closeTimeout
            try await BlockingThread.run("kafka-close", atMost: limit) {
                () -> Result<Void, KafkaError> in
                if let error = client.closeConsumer() { return .failure(error) }
                return .success(())
            }
        } catch {
            logger.warning(
                "kafka consumer did not close cleanly", ["cause": .init(describing: error)])
        }
    }

    // MARK: Events

    private func startWatching() {
        guard let client, watch == nil else { return }
        do {
            watch = try loop.watch(client.wake.descriptor, .readable) { [weak self] _ in
                self?.assumeIsolated { $0.drain() }
            }
            beat()
        } catch {
            // Fatal: without its events this consumer would be silent for ever.
            buffer.append(.error(KafkaError(.fatal, "watch of the event queue: \(error)")))
            wakeIfReady()
        }
    }

    /// The library takes a consumer that does not poll for dead. An idle topic gives no event to
    /// poll for, so the loop polls now and then; it stops when the loop hangs, as it should. The
    /// same beat refreshes the gauges.
    private func beat() {
        drain()
        waiting.set(Double(lag().values.reduce(0, +)))
        held.set(Double(ledger.owned.count))
        let pause = min(configuration.pollTimeout / 4, Self.beatMax)
        heartbeat = loop.schedule(after: pause) { [weak self] in
            self?.assumeIsolated { $0.beat() }
        }
    }

    private func drain() {
        guard let client else { return }
        client.wake.drain()
        var isEmpty = false
        for _ in 0..<Self.eventsPerTurn {
            guard let event = client.poll() else {
                isEmpty = true
                break
            }
            handle(event)
        }
        // The library signals only an empty queue, so what is left is announced by ourselves.
        if !isEmpty { client.wake.signal() }
        balance()
        wakeIfReady()
    }

    private func handle(_ event: ClientEvent) {
        switch event {
        case .record(let record):
            if let admitted = ledger.admit(record) {
                buffer.append(admitted)
            } else {
                dropped.increment()
            }
        case .assign(let places): assigned(places)
        case .revoke(let places): revoking(places)
        case .committed(let token, let error): committed(token: token, error)
        case .partitionError(let place, let error, isReset: true):
            logger.info("kafka partition has no usable offset", ["cause": .init(describing: error)])
            if ledger.stall(place) { buffer.append(.resetRequired(place)) }
        case .partitionError(_, let error, isReset: false), .error(let error):
            failed(error)
        case .log(let severity, let facility, let text):
            ClientLog.write(severity: severity, facility: facility, text: text, to: logger)
        case .deliveries, .topicsCreated, .other: break
        }
    }

    private func failed(_ error: KafkaError) {
        logger.info("kafka consumer error", ["cause": .init(describing: error)])
        if error.code == .transport {
            buffer.appendDisconnected()
        } else {
            buffer.append(error: error)
        }
    }

    // MARK: Handing out

    private func takeNext() -> ConsumerEvent? {
        guard let event = buffer.next(limit: configuration.consumerBatchRecords) else {
            return nil
        }
        if case .records(let records) = event {
            for record in records { ledger.handOut(record) }
            received.increment(by: Int64(records.count))
            balance()
        }
        return event
    }

    func wakeIfReady() {
        guard let waiter, let event = takeNext() else { return }
        self.waiter = nil
        waiter.continuation.resume(returning: event)
    }

    private func cancelWait(_ number: UInt) {
        if waiter?.number == number { wake(throwing: CancellationError()) }
    }

    private func wake(throwing error: any Error) {
        waiter?.continuation.resume(throwing: error)
        waiter = nil
    }
}
