package import Basics
import Contracts
import Crypto
package import Kafka
package import Postgres
import Telemetry

/// Where messages go that cannot be handled: a row in the service's own database and a copy on
/// `<topic>.dlq`, in one transaction; only after its commit may the offset be stored (D15).
package struct DeadLetters: Sendable {
    /// The longest error text kept, in bytes.
    package static let errorBytesMax = 1_024

    private let outbox: Outbox
    private let build: String

    package init(outbox: Outbox, build: String) {
        self.outbox = outbox
        self.build = build
    }

    /// One message that failed, with all that is known about it.
    package struct Failure: Sendable {
        package let consumer: String
        package let record: ConsumedRecord
        package let poison: Poison
        package let attempts: Int
        package let brokerEpoch: Int64

        package init(
            consumer: String, record: ConsumedRecord, poison: Poison, attempts: Int,
            brokerEpoch: Int64
        ) {
            self.consumer = consumer
            self.record = record
            self.poison = poison
            self.attempts = attempts
            self.brokerEpoch = brokerEpoch
        }

        /// The same with nothing in it that a table could refuse: better a bare row than none.
        package var bare: Failure {
            var record = record
            record.headers = []
            record.timestampMilliseconds = -1
            return Failure(
                consumer: consumer, record: record, poison: poison, attempts: attempts,
                brokerEpoch: brokerEpoch)
        }

        func header(_ name: String) -> String? {
            record.headers.last { $0.name == name }.map { String(decoding: $0.value, as: UTF8.self) }
        }

        /// The record's own id; else one derived from where it stood, so that a redelivery of an
        /// unreadable record does not park it twice.
        package var messageID: UniqueID {
            if let id = header(Envelope.Header.messageID).flatMap({ UniqueID($0) }) { return id }
            let place =
                "\(consumer)\n\(brokerEpoch)\n\(record.topic)\n\(record.partition)\n\(record.offset)"
            return .v8(hash: SHA256.digest(Array(place.utf8)))
        }

        /// As far as a column can hold it: records of others may carry anything.
        var type: String? {
            header(Envelope.Header.type).map {
                String($0.replacing("\0", with: " ").prefix(Envelope.typeLengthMax))
            }
        }

        /// Nil when the producer's stamp is none, or beyond what a calendar holds.
        var recordedAt: WallTime? {
            let milliseconds = record.timestampMilliseconds
            guard milliseconds >= 0, milliseconds < Self.timestampMax else { return nil }
            return WallTime(microseconds: milliseconds * 1_000)
        }

        /// The year 9999, in milliseconds.
        private static let timestampMax: Int64 = 253_402_300_799_000

        var errorText: String { poison.storedText }
    }

    /// Parks the message. Parking one twice changes nothing.
    ///
    /// - Returns: whether it was not parked before.
    @discardableResult
    package func park(_ failure: Failure, in transaction: Transaction) async throws -> Bool {
        let id = UniqueID.v7()
        let record = failure.record
        let inserted = try await transaction.execute(
            Statement(
                """
                INSERT INTO dead_letters (id, consumer, message_id, type, topic, part, record_offset, recorded_at,
                    msg_key, headers, payload, error_class, error_code, error, attempts, broker_epoch)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
                ON CONFLICT (consumer, message_id) DO NOTHING
                """,
                [
                    .id(id), .text(failure.consumer), .id(failure.messageID),
                    .optional(failure.type, Parameter.text),
                    .text(record.topic), .integer(Int64(record.partition)), .integer(record.offset),
                    .optional(failure.recordedAt, Parameter.time),
                    record.key.map { .bytes($0) } ?? .null,
                    .json(HeaderJSON.encode(record.headers)),
                    record.value.map { .bytes($0) } ?? .null,
                    .text(failure.poison.errorClass.rawValue), .text(failure.poison.code),
                    .text(failure.errorText), .integer(Int64(failure.attempts)),
                    .integer(failure.brokerEpoch),
                ]))
        guard inserted == 1 else { return false }
        _ = try await transaction.execute(copy(of: failure, id: id))
        outbox.wakeAfter(transaction)
        return true
    }

    /// The topic copy: key, value and headers as they were, plus what we know of the failure.
    private func copy(of failure: Failure, id: UniqueID) -> Statement {
        let record = failure.record
        let known: [(String, String)] = [
            ("dlq-id", id.description), ("dlq-consumer", failure.consumer),
            ("dlq-topic", record.topic), ("dlq-partition", String(record.partition)),
            ("dlq-offset", String(record.offset)),
            ("dlq-timestamp", String(record.timestampMilliseconds)),
            ("dlq-error-class", failure.poison.errorClass.rawValue),
            ("dlq-error-code", failure.poison.code), ("dlq-error", failure.errorText),
            ("dlq-attempts", String(failure.attempts)),
            ("dlq-first-failed-at", WallTime.now().iso8601), ("dlq-build", build),
            ("dlq-broker-epoch", String(failure.brokerEpoch)), ("dlq-replays", "0"),
        ]
        var headers = record.headers
        headers += known.map { (name: $0.0, value: Array($0.1.utf8)) }
        var payload = record.value ?? []
        if payload.count > Outbox.payloadBytesMax {
            // The row keeps every byte; the copy says that it does not.
            headers.append((name: "dlq-payload-omitted", value: Array("true".utf8)))
            payload = []
        }
        return Outbox.insert(
            messageID: id, topic: Topic(name: record.topic).deadLetters,
            key: record.key ?? Array(failure.messageID.description.utf8), type: "DeadLetter",
            version: 1, headers: headers, payload: payload, causationID: failure.messageID)
    }
}

extension Poison {
    /// Its words as the `error` column takes them.
    var storedText: String {
        let text = detail.replacing("\0", with: " ")
        let limit = DeadLetters.errorBytesMax
        guard text.utf8.count > limit else { return text }
        return String(decoding: text.utf8.prefix(limit - 3), as: UTF8.self)
            .prefix { $0 != "\u{FFFD}" } + "..."
    }
}

/// Counts letters by consumer and class, and parked records as the outcome of consuming.
struct DeadLetterCounter: Sendable {
    private let consumer: String
    private let parked: Counter
    private let metrics: MetricsRegistry

    init(consumer: String, parked: Counter, _ metrics: MetricsRegistry) {
        self.consumer = consumer
        self.parked = parked
        self.metrics = metrics
    }

    func count(_ errorClass: Poison.Class, isNew: Bool) {
        parked.increment()
        if isNew { Self.letter(consumer, errorClass, metrics).increment() }
    }

    static func letter(_ consumer: String, _ errorClass: Poison.Class, _ metrics: MetricsRegistry)
        -> Counter
    {
        metrics.counter(
            "dead_letters_total", help: "Messages that became dead letters.",
            labels: ["consumer": consumer, "class": errorClass.rawValue])
    }
}
