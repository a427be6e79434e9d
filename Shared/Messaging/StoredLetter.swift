package import Basics
import Contracts
package import Kafka
import Postgres
import Telemetry

/// One row of `dead_letters` as an operator sees it.
package struct StoredLetter: Sendable {
    /// `PARKED` waits for a person; `REPLAYING` was given back to the relay and waits for the broker.
    package enum State: String, Sendable, CaseIterable {
        case parked = "PARKED"
        case replaying = "REPLAYING"
        case resolved = "RESOLVED"
        case discarded = "DISCARDED"

        /// Still somebody's work.
        package static let open: [State] = [.parked, .replaying]
    }

    package let id: UniqueID
    package let consumer: String
    package let messageID: UniqueID
    package let type: String?
    package let topic: String
    package let partition: Int32
    /// -1 for a row that the broker refused: it never had one.
    package let offset: Int64
    package let recordedAt: WallTime?
    package let key: [UInt8]?
    package let headers: [(name: String, value: [UInt8])]
    /// Nil in lists, and for a record without a value.
    package let payload: [UInt8]?
    package let payloadBytes: Int64?
    package let errorClass: String
    package let errorCode: String
    package let error: String
    package let attempts: Int64
    package let firstFailedAt: WallTime
    package let state: State
    package let replays: Int64
    package let replayedAt: WallTime?
    package let settledAt: WallTime?
    package let reason: String?

    /// Columns of a list; the payload may be large and stays where it is.
    static let columns = """
        id, consumer, message_id, type, topic, part, record_offset, recorded_at, msg_key, headers,
        octet_length(payload) AS payload_bytes, error_class, error_code, error, attempts,
        first_failed_at, state, replays, replayed_at, settled_at, reason
        """
    static let columnsWithPayload = columns + ", payload"

    init(_ row: Row, withPayload: Bool) throws(PostgresError) {
        id = try row.id("id")
        consumer = try row.text("consumer")
        messageID = try row.id("message_id")
        type = try row.optionalText("type")
        topic = try row.text("topic")
        partition = Int32(truncatingIfNeeded: try row.integer("part"))
        offset = try row.integer("record_offset")
        recordedAt = try row.optionalTime("recorded_at")
        key = try row.optionalBytes("msg_key")
        headers = HeaderJSON.decode(try row.text("headers")) ?? []
        payload = withPayload ? try row.optionalBytes("payload") : nil
        payloadBytes = try row.optionalInteger("payload_bytes")
        errorClass = try row.text("error_class")
        errorCode = try row.text("error_code")
        error = try row.text("error")
        attempts = try row.integer("attempts")
        firstFailedAt = try row.time("first_failed_at")
        let text = try row.text("state")
        guard let known = State(rawValue: text) else {
            throw PostgresError(.decoding, "dead_letters.state is \(text)")
        }
        state = known
        replays = try row.integer("replays")
        replayedAt = try row.optionalTime("replayed_at")
        settledAt = try row.optionalTime("settled_at")
        reason = try row.optionalText("reason")
    }

    /// The record as it was read from its topic.
    package var record: ConsumedRecord {
        ConsumedRecord(
            topic: topic, partition: partition, offset: offset,
            timestampMilliseconds: recordedAt?.milliseconds ?? -1, key: key, value: payload,
            headers: headers)
    }

    /// The last header of this name, if its value is UTF-8 text.
    package func header(_ name: String) -> String? {
        headers.last { $0.name == name }.flatMap { String(validating: $0.value, as: UTF8.self) }
    }

    /// The order it belongs to, as far as its headers say.
    package var orderID: UniqueID? { header(Envelope.Header.orderID).flatMap { UniqueID($0) } }

    /// 32 hexadecimal digits, for Jaeger.
    package var traceID: String? {
        header(Envelope.Header.traceparent).flatMap { TraceContext(traceparent: $0)?.traceIDText }
    }
}

/// Why a dead letter cannot be treated as asked.
package struct DeadLetterError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What clients branch on.
    package enum Code: String, Sendable {
        case notFound = "dead_letter_not_found"
        /// Resolved or discarded before.
        case settled = "dead_letter_settled"
        case replaysExhausted = "dead_letter_replays_exhausted"
        /// Nothing in this build reads its topic.
        case noConsumer = "dead_letter_no_consumer"
        /// The outbox row that it stood for is older than the days kept.
        case rowGone = "dead_letter_outbox_row_gone"
        /// The relay is still busy with that row.
        case inFlight = "dead_letter_in_flight"
    }
    package let code: Code
    package let message: String

    package var description: String { "\(code.rawValue): \(message)" }
}
