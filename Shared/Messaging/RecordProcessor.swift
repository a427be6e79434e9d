import Basics
import Contracts
package import Kafka
package import Postgres
import Resilience
package import Sockets
package import Telemetry

/// Carries one record through inbox, handler and commit, and decides what a failure means (D15).
package struct RecordProcessor: Sendable {
    /// In-process attempts for a failure of the message itself that may pass: a deadlock, a lock that
    /// did not come, a handler that threw. Then it is parked, and the partition goes on (D15).
    package static let transientAttemptsMax = 5
    /// A longer value is none of ours: the outbox takes no more.
    package static let payloadBytesMax = Outbox.payloadBytesMax

    private let inbox: Inbox
    private let pool: Pool
    private let handler: any MessageHandler
    private let deadLetters: DeadLetters
    private let partitions: Partitions
    private let epoch: @Sendable () async -> Int64
    private let loop: EventLoop
    private let logger: Logger
    private let spans: MessageSpans
    private let handled: Counter
    private let duplicates: Counter
    private let letters: DeadLetterCounter

    package init(
        consumer: String, pool: Pool, handler: any MessageHandler, deadLetters: DeadLetters,
        partitions: Partitions, epoch: @escaping @Sendable () async -> Int64, loop: EventLoop,
        logger: Logger, metrics: MetricsRegistry, tracer: Tracer = .disabled
    ) {
        spans = MessageSpans(tracer: tracer)
        inbox = Inbox(consumer: consumer)
        self.pool = pool
        self.handler = handler
        self.deadLetters = deadLetters
        self.partitions = partitions
        self.epoch = epoch
        self.loop = loop
        self.logger = logger
        func counter(_ outcome: String) -> Counter {
            metrics.counter(
                "messages_consumed_total", help: "Records by consumer and outcome.",
                labels: ["consumer": consumer, "outcome": outcome])
        }
        handled = counter("handled")
        duplicates = counter("duplicate")
        letters = DeadLetterCounter(consumer: consumer, parked: counter("parked"), metrics)
    }

    /// True when the record is settled (handled, dropped as a duplicate, or parked) and its offset
    /// may be stored; false when the database stayed away for longer than `patience`.
    package func process(_ record: ConsumedRecord, patience: Duration) async throws -> Bool {
        try await spans.process(record, consumer: inbox.consumer) { span in
            try await settle(record, patience, span)
        }
    }

    private func settle(_ record: ConsumedRecord, _ patience: Duration, _ span: Span?) async throws
        -> Bool
    {
        let giveUp = Deadline.after(patience)
        var attempts = 0
        // Only these count towards the limit: a database that is away is nobody's poison.
        var failures = 0
        while true {
            try Task.checkCancellation()
            attempts += 1
            do {
                let isFirst = try await attempt(record)
                (isFirst ? handled : duplicates).increment()
                span?.set("mercato.message.outcome", isFirst ? "handled" : "duplicate")
                return true
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                failures += 1
                switch Self.verdict(on: error, failures: failures) {
                case .makePartition:
                    await partitionFor(record)
                case .again(let pause):
                    logger.debug("message tried again", ["error": .init(describing: error)])
                    try await loop.sleep(for: pause)
                case .wait(let pause):
                    guard !giveUp.isPast else {
                        span?.setError(error)
                        return false
                    }
                    failures -= 1
                    try await loop.sleep(for: min(pause * attempts, Self.waitMax))
                case .park(let poison):
                    span?.setError(poison)
                    return try await park(record, poison, attempts, giveUp)
                }
            }
        }
    }

    /// False when the message was handled before.
    private func attempt(_ record: ConsumedRecord) async throws -> Bool {
        let message = try Self.decode(record)
        return try await pool.transaction(.init("handle message")) {
            try await handle(message, in: $0)
        }
    }

    /// Inbox row, then handler, in the caller's transaction. False: this consumer has handled the
    /// message before. A replay takes this very way (D15).
    func handle(_ message: IncomingMessage, in transaction: Transaction) async throws -> Bool {
        guard try await inbox.firstSight(of: message.envelope.messageID, in: transaction) else {
            return false
        }
        try await handler.handle(message, in: transaction)
        return true
    }

    /// Runs `body` as processing of the record in the record's own trace: a replay is asked for in
    /// another one, and the messages that it causes belong to the order's.
    func traced<Value>(_ record: ConsumedRecord, _ body: () async throws -> Value) async rethrows
        -> Value
    {
        try await spans.process(record, consumer: inbox.consumer) { _ in try await body() }
    }

    /// Throws `Poison` for what is no message of ours, whatever consumer it meets.
    static func decode(_ record: ConsumedRecord) throws -> IncomingMessage {
        let envelope: Envelope
        do {
            envelope = try Envelope(headers: record.headers)
        } catch {
            throw Poison(.undecodable, code: "malformed_envelope", error.description)
        }
        guard let payload = record.value else {
            throw Poison(.undecodable, code: "no_payload", "the record has no value")
        }
        guard payload.count <= payloadBytesMax else {
            throw Poison(
                .undecodable, code: "payload_too_large",
                "the value has \(payload.count) bytes, more than \(payloadBytesMax)")
        }
        // Without a key it can be in any partition, beside the order's other messages (D7).
        guard record.key != nil else {
            throw Poison(.undecodable, code: "no_key", "the record has no key")
        }
        // The inbox is partitioned by the id's time: an id that is none of ours has no place (D4).
        let age = WallTime.now().milliseconds - envelope.messageID.milliseconds
        let day: Int64 = 86_400_000
        guard envelope.messageID.version == 7, age > -Int64(Inbox.daysAheadMax) * day,
            age < Int64(Partitions.inboxDaysKept) * day
        else {
            throw Poison(
                .undecodable, code: "message_id_out_of_range",
                "message id \(envelope.messageID) is not of the days that the inbox keeps")
        }
        return IncomingMessage(envelope: envelope, payload: payload)
    }

    /// Not made: the next attempt says so again, and after the last one the message is parked.
    func partitionFor(_ record: ConsumedRecord) async {
        let id = record.header(Envelope.Header.messageID).flatMap {
            UniqueID(String(decoding: $0, as: UTF8.self))
        }
        guard let id else { return }
        do {
            try await partitions.ensure(around: WallTime(microseconds: id.milliseconds * 1_000))
        } catch {
            logger.warning("partition not made", ["error": .init(describing: error)])
        }
    }

    private func park(
        _ record: ConsumedRecord, _ poison: Poison, _ attempts: Int, _ giveUp: Deadline
    ) async throws -> Bool {
        var failure = DeadLetters.Failure(
            consumer: inbox.consumer, record: record, poison: poison, attempts: attempts,
            brokerEpoch: await epoch())
        let backoff = Backoff(base: .milliseconds(50), cap: .seconds(2), jitter: .full)
        var tries = 0
        while true {
            do {
                let letter = failure
                let isNew = try await pool.transaction(.init("park message")) {
                    try await deadLetters.park(letter, in: $0)
                }
                letters.count(poison.errorClass, isNew: isNew)
                logger.error(
                    "message parked",
                    [
                        "consumer": .string(inbox.consumer),
                        "message_id": .string("\(failure.messageID)"),
                        "poison": .string("\(poison)"),
                    ])
                return true
            } catch let error as PostgresError {
                // Not stored, so the offset must not be either (F14).
                tries += 1
                logger.warning("dead letter not stored", ["error": .string("\(error)")])
                if error.isRefusal { failure = failure.bare }
                guard !giveUp.isPast else { return false }
                try await loop.sleep(for: backoff.delay(attempt: tries, random: .system))
            }
        }
    }

    enum Verdict: Sendable {
        case makePartition
        /// The next attempt may succeed; it counts.
        case again(Duration)
        /// The database is away; in place, without counting.
        case wait(Duration)
        case park(Poison)
    }

    /// The longest pause in place while the database is away.
    static let waitMax = Duration.seconds(2)

    /// Pure: what the `failures`th failure of one message means.
    static func verdict(on error: any Error, failures: Int) -> Verdict {
        if let poison = error as? Poison { return .park(poison) }
        let mayTryAgain = failures < transientAttemptsMax
        let exhausted = Poison(.exhausted, code: "handler_failed", "\(error)")
        let pause = Duration.milliseconds(20 << min(failures, transientAttemptsMax))
        guard let error = error as? PostgresError else {
            return mayTryAgain ? .again(pause) : .park(exhausted)
        }
        if Inbox.lacksPartition(error) { return mayTryAgain ? .makePartition : .park(exhausted) }
        if error.isOfTheMessage { return mayTryAgain ? .again(pause) : .park(exhausted) }
        // A statement PostgreSQL refuses (a constraint, a type) will be refused again; a database
        // that is away is nobody's poison.
        return error.isRefusal ? .park(exhausted) : .wait(.milliseconds(100))
    }
}

extension PostgresError {
    /// Deadlock, serialization, lock time-out, a statement that takes too long, an internal error: the
    /// next attempt usually succeeds, and one that never does must not hold up the partition.
    fileprivate var isOfTheMessage: Bool {
        isRetriable || sqlState == "57014" || sqlState?.hasPrefix("XX") == true
    }

    /// The server understood the statement and said no.
    fileprivate var isRefusal: Bool {
        guard let sqlState, sqlState.count == 5 else {
            return code == .decoding || code == .invalidStatement
        }
        // 08 connection, 53 resources, 57 operator intervention, 58 system: trouble that passes.
        return !["08", "53", "57", "58"].contains(String(sqlState.prefix(2)))
    }
}
