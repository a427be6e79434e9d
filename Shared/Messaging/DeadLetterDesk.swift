package import Basics
package import Contracts
package import Postgres
package import Sockets
import Synchronization
package import Telemetry

/// Replays dead letters through the very consumer that failed, and shows how many there are (D15).
package final class DeadLetterDesk: Sendable {
    /// How often the gauges are read anew.
    package static let lookEvery = Duration.seconds(5)

    /// How a replay ended.
    package enum Outcome: Sendable, Equatable {
        /// Inbox row, the handler's effects and `RESOLVED` were committed together.
        case handled
        /// The consumer had handled this message id meanwhile; nothing else happened.
        case duplicate
        /// It failed again; the letter has the new error.
        case failed
        /// A row that the broker had refused waits for the relay again.
        case handedBack
    }

    package let store: DeadLetterStore
    private let service: String
    private let outboxWake: @Sendable () -> Void
    private let loop: EventLoop
    private let logger: Logger
    private let metrics: MetricsRegistry
    private let processors = Mutex<[String: RecordProcessor]>([:])

    package init(
        service: String, pool: Pool, outboxWake: @escaping @Sendable () -> Void, loop: EventLoop,
        logger: Logger, metrics: MetricsRegistry
    ) {
        self.service = service
        store = DeadLetterStore(pool: pool)
        self.outboxWake = outboxWake
        self.loop = loop
        self.logger = logger
        self.metrics = metrics
    }

    /// Replays of records of `topic` go this way.
    package func register(_ processor: RecordProcessor, of topic: Topic) {
        processors.withLock { $0[topic.name] = processor }
    }

    /// Handles the very message again: same id, same bytes, the consumer's own inbox and handler, in
    /// one transaction with the letter's new state. A crash in the middle leaves the letter parked
    /// and nothing done; a second caller waits on the row and finds it settled.
    ///
    /// - Throws: `DeadLetterError`, and `PostgresError` when the database is away; both change nothing.
    package func replay(_ id: UniqueID) async throws -> (outcome: Outcome, letter: StoredLetter) {
        let letter = try await store.letter(id)
        guard letter.consumer != DeadLetterStore.relay else {
            try await store.pool.transaction { transaction in
                try await DeadLetterStore.handBack(
                    try await Self.replayable(id, in: transaction), in: transaction)
            }
            outboxWake()
            return (.handedBack, try await store.letter(id))
        }
        guard let processor = processors.withLock({ $0[letter.topic] }) else {
            throw DeadLetterError(
                code: .noConsumer, message: "nothing in this build reads \(letter.topic)")
        }
        let outcome = try await processor.traced(letter.record) {
            try await handle(letter, by: processor)
        }
        logger.notice(
            "dead letter replayed",
            [
                "id": .string("\(id)"), "message_id": .string("\(letter.messageID)"),
                "outcome": .string("\(outcome)"),
            ])
        return (outcome, try await store.letter(id))
    }

    private func handle(_ letter: StoredLetter, by processor: RecordProcessor) async throws -> Outcome {
        var failures = 0
        while true {
            do {
                let isFirst = try await store.pool.transaction { transaction in
                    let open = try await Self.replayable(letter.id, in: transaction)
                    let message = try RecordProcessor.decode(open.record)
                    let isFirst = try await processor.handle(message, in: transaction)
                    try await DeadLetterStore.resolved(letter.id, in: transaction)
                    return isFirst
                }
                return isFirst ? .handled : .duplicate
            } catch let error as DeadLetterError {
                throw error
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                failures += 1
                switch RecordProcessor.verdict(on: error, failures: failures) {
                case .makePartition: await processor.partitionFor(letter.record)
                case .again(let pause): try await loop.sleep(for: pause)
                case .wait: throw error
                case .park(let poison):
                    try await store.stillFailing(letter.id, poison)
                    return .failed
                }
            }
        }
    }

    private static func replayable(_ id: UniqueID, in transaction: Transaction) async throws
        -> StoredLetter
    {
        let letter = try await DeadLetterStore.open(id, in: transaction)
        guard letter.replays < DeadLetterStore.replaysMax else {
            throw DeadLetterError(
                code: .replaysExhausted,
                message: "it was replayed \(letter.replays) times; discard it with a reason, "
                    + "or repair what it was about by hand")
        }
        return letter
    }

    /// Keeps the gauges up to date until cancelled.
    package func run() async throws {
        var shown: Set<[String]> = [[service, StoredLetter.State.parked.rawValue]]
        while true {
            do {
                try await store.settleHandedBack()
                let counts = try await store.counts()
                var left = shown
                for (consumer, state, count) in counts {
                    gauge(consumer, state).set(Double(count))
                    shown.insert([consumer, state])
                    left.remove([consumer, state])
                }
                for gone in left { gauge(gone[0], gone[1]).set(0) }
            } catch let error as PostgresError {
                // The next look finds the database again; readiness tells about it meanwhile.
                logger.debug("dead letters not counted", ["error": .string("\(error)")])
            }
            try await loop.sleep(for: Self.lookEvery)
        }
    }

    private func gauge(_ consumer: String, _ state: String) -> Gauge {
        metrics.gauge(
            "dead_letters", help: "Dead letters by consumer and state.",
            labels: ["consumer": consumer, "state": state.lowercased()])
    }
}
