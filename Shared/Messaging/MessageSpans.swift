import Basics
import Contracts
import Kafka
import Telemetry

/// Spans of messages, by OpenTelemetry's conventions for messaging: the wait in the outbox, the
/// sending, the processing. The context stored with a message is the parent of its wait and of its
/// sending; the sending's own context travels in the record, and is the parent of the processing.
struct MessageSpans: Sendable {
    /// An older message is sent and handled without spans. After a broker loss events of days go out
    /// again (D9), and their traces have ended long ago.
    static let ageMax: Duration = .seconds(600)

    let tracer: Tracer

    static func isOld(_ messageID: UniqueID, at now: WallTime = .now()) -> Bool {
        now.milliseconds - messageID.milliseconds > ageMax.inMilliseconds
    }

    // MARK: Sending

    /// A row on its way to the broker.
    struct Sending: Sendable {
        /// What is sent: the row's record, with the span's context in place of the stored one.
        let record: ProducerRecord
        fileprivate let span: Span?
        fileprivate let stored: TraceContext?
        fileprivate let messageID: UniqueID
        /// Taken before the span begins, so that the wait ends no later than that.
        fileprivate let began: WallTime
    }

    func send(_ row: OutboxRow) -> Sending {
        var record = row.record
        guard tracer.isEnabled, !Self.isOld(row.messageID),
            let stored = Self.context(in: record.headers.map { ($0.0, $0.1) })
        else {
            return Sending(
                record: record, span: nil, stored: nil, messageID: row.messageID, began: .now())
        }
        let began = WallTime.now()
        let span = tracer.start(
            "send \(record.topic)", kind: .producer, parent: stored,
            attributes: Self.attributes(
                "send", record.topic, record.partition, key: record.key,
                headers: record.headers.map { ($0.0, $0.1) }))
        if span.isRecording {
            record.headers.removeAll { $0.0 == Envelope.Header.traceparent }
            record.headers.append(
                (Envelope.Header.traceparent, Array(span.context.traceparent.utf8)))
        }
        return Sending(
            record: record, span: span, stored: stored, messageID: row.messageID, began: began)
    }

    /// The broker has answered. `began` is when the present log did: a row that an earlier one had
    /// waits for this one since then only.
    func end(_ sending: Sending, _ result: Result<Int64, KafkaError>, logBegan: WallTime?) {
        guard let span = sending.span, let stored = sending.stored else { return }
        switch result {
        case .success(let offset):
            let made = WallTime(microseconds: sending.messageID.milliseconds * 1_000)
            tracer.record(
                "outbox wait", parent: stored, start: logBegan.map { max($0, made) } ?? made,
                end: sending.began,
                attributes: [
                    "messaging.destination.name": .string(sending.record.topic),
                    "messaging.message.id": .string(sending.messageID.description),
                ])
            span.set("messaging.kafka.offset", .integer(offset))
            span.end()
        case .failure(let error):
            span.end(failed: error)
        }
    }

    // MARK: Processing

    /// Runs `body` as the processing of a record; its outcome is noted by the caller.
    ///
    /// A record without a context, or with a malformed one, is processed outside of any trace.
    func process<Value>(
        _ record: ConsumedRecord, consumer: String, _ body: (Span?) async throws -> Value
    ) async rethrows -> Value {
        guard let parent = Self.context(in: record.headers) else { return try await body(nil) }
        let id = Self.text(Envelope.Header.messageID, in: record.headers).flatMap { UniqueID($0) }
        if let id, Self.isOld(id) {
            return try await Span(unrecorded: parent.sampled(false)).bind { try await body(nil) }
        }
        return try await tracer.withSpan(
            "process \(record.topic)", kind: .consumer, parent: parent,
            attributes: Self.attributes(
                "process", record.topic, record.partition, key: record.key,
                headers: record.headers
            ).merging([
                "messaging.consumer.group.name": .string(consumer),
                "messaging.kafka.offset": .integer(record.offset),
            ]) { _, new in new }
        ) { try await body($0) }
    }

    // MARK: Reading

    static func context(in headers: [(name: String, value: [UInt8])]) -> TraceContext? {
        TraceContext(traceparent: text(Envelope.Header.traceparent, in: headers))
    }

    private static func text(
        _ name: String, in headers: [(name: String, value: [UInt8])]
    ) -> String? {
        headers.last { $0.name == name }.map { String(decoding: $0.value, as: UTF8.self) }
    }

    private static func attributes(
        _ operation: String, _ topic: String, _ partition: Int32, key: [UInt8]?,
        headers: [(name: String, value: [UInt8])]
    ) -> SpanAttributes {
        var attributes: SpanAttributes = [
            "messaging.system": "kafka", "messaging.operation.name": .string(operation),
            "messaging.operation.type": .string(operation),
            "messaging.destination.name": .string(topic),
            "messaging.destination.partition.id": .string(String(partition)),
        ]
        attributes["messaging.kafka.message.key"] = key.map {
            .string(String(decoding: $0.prefix(Self.textMax), as: UTF8.self))
        }
        for (name, header) in [
            ("messaging.message.id", Envelope.Header.messageID),
            ("mercato.message.type", Envelope.Header.type),
            ("mercato.order_id", Envelope.Header.orderID),
            ("mercato.saga.step", Envelope.Header.step),
        ] {
            attributes[name] = text(header, in: headers).map {
                .string(String($0.prefix(Self.textMax)))
            }
        }
        return attributes
    }

    /// The longest text taken from a record, which may be anybody's.
    private static let textMax = 128
}
