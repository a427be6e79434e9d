internal import CKafka

/// One event of a client's queue, copied into Swift values. The C event is destroyed before the
/// value is looked at, so no pointer outlives `Client.poll()`.
enum ClientEvent: Sendable {
    /// Delivery reports, each with the token that the record was sent with.
    case deliveries([Delivery])
    case record(ConsumedRecord)
    case partitionError(TopicPartition, KafkaError, isReset: Bool)
    case error(KafkaError)
    case assign([TopicPartition])
    case revoke([TopicPartition])
    /// The answer to `Client.commitStored(token:)`.
    case committed(token: UInt, KafkaError?)
    case log(severity: Int32, facility: String, text: String)
    /// The result of an administrative call; nil when every topic was made.
    case topicsCreated([(topic: String, error: KafkaError)])
    /// Something that is of no interest here.
    case other

    struct Delivery: Sendable {
        let token: UInt
        let result: Result<Int64, KafkaError>
    }
}

extension ClientEvent {
    /// Copies the event. The caller keeps owning it.
    @safe init(copying event: OpaquePointer, of client: OpaquePointer) {
        switch unsafe rd_kafka_event_type(event) {
        case RD_KAFKA_EVENT_DR:
            self = unsafe .deliveries(Self.deliveries(event))
        case RD_KAFKA_EVENT_FETCH:
            self = unsafe Self.fetched(event)
        case RD_KAFKA_EVENT_ERROR:
            self = unsafe Self.failure(event, of: client)
        case RD_KAFKA_EVENT_REBALANCE:
            let partitions = unsafe PartitionList.copy(rd_kafka_event_topic_partition_list(event))
            let kind = unsafe rd_kafka_event_error(event)
            self =
                kind == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS
                ? .assign(partitions) : .revoke(partitions)
        case RD_KAFKA_EVENT_OFFSET_COMMIT:
            let token = unsafe UInt(bitPattern: rd_kafka_event_opaque(event))
            let number = unsafe rd_kafka_event_error(event)
            // Nothing new to commit is a success too.
            let isGood =
                number == RD_KAFKA_RESP_ERR_NO_ERROR || number == RD_KAFKA_RESP_ERR__NO_OFFSET
            self = .committed(
                token: token, isGood ? nil : KafkaError(number, "commit of stored offsets"))
        case RD_KAFKA_EVENT_LOG:
            self = unsafe Self.logLine(event)
        case RD_KAFKA_EVENT_CREATETOPICS_RESULT:
            self = unsafe Self.creation(event)
        default:
            self = .other
        }
    }

    private static func deliveries(_ event: OpaquePointer) -> [Delivery] {
        var list: [Delivery] = []
        unsafe list.reserveCapacity(rd_kafka_event_message_count(event))
        while let message = unsafe rd_kafka_event_message_next(event) {
            let number = unsafe message.pointee.err
            list.append(
                Delivery(
                    token: unsafe UInt(bitPattern: message.pointee._private),
                    result: number == RD_KAFKA_RESP_ERR_NO_ERROR
                        ? .success(unsafe message.pointee.offset)
                        : .failure(KafkaError(number, "delivery"))))
        }
        return list
    }

    private static func fetched(_ event: OpaquePointer) -> ClientEvent {
        guard let message = unsafe rd_kafka_event_message_next(event) else { return .other }
        let number = unsafe message.pointee.err
        guard let place = unsafe topicPartition(message) else { return .other }
        guard number == RD_KAFKA_RESP_ERR_NO_ERROR else {
            return .partitionError(
                place, KafkaError(number, "fetch of \(place)"),
                isReset: number == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        }
        return .record(RecordCopy.copy(message, place))
    }

    private static func topicPartition(
        _ message: UnsafePointer<rd_kafka_message_t>
    ) -> TopicPartition? {
        guard let topic = unsafe message.pointee.rkt else { return nil }
        return unsafe TopicPartition(
            String(cString: rd_kafka_topic_name(topic)), message.pointee.partition)
    }

    /// A fatal error hides its reason behind the number `_FATAL`; the client knows the real one.
    private static func failure(_ event: OpaquePointer, of client: OpaquePointer) -> ClientEvent {
        let number = unsafe rd_kafka_event_error(event)
        let detail = unsafe rd_kafka_event_error_string(event).map { unsafe String(cString: $0) }
        if unsafe rd_kafka_event_error_is_fatal(event) == 1 || number == RD_KAFKA_RESP_ERR__FATAL {
            var text = [CChar](repeating: 0, count: 512)
            let reason = unsafe rd_kafka_fatal_error(client, &text, text.count)
            return .error(
                KafkaError(
                    .fatal, errorText(text), number: Int32(reason.rawValue)))
        }
        if let place = unsafe rd_kafka_event_topic_partition(event) {
            defer { unsafe rd_kafka_topic_partition_destroy(place) }
            let name = unsafe TopicPartition(
                String(cString: place.pointee.topic), place.pointee.partition)
            return .partitionError(
                name, KafkaError(number, "consumption of \(name)", detail: detail),
                isReset: number == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        }
        return .error(KafkaError(number, "client", detail: detail))
    }

    private static func logLine(_ event: OpaquePointer) -> ClientEvent {
        var facility: UnsafePointer<CChar>?
        var text: UnsafePointer<CChar>?
        var severity: Int32 = 0
        guard unsafe rd_kafka_event_log(event, &facility, &text, &severity) == 0 else {
            return .other
        }
        return .log(
            severity: severity, facility: unsafe facility.map { unsafe String(cString: $0) } ?? "",
            text: unsafe text.map { unsafe String(cString: $0) } ?? "")
    }

    private static func creation(_ event: OpaquePointer) -> ClientEvent {
        let number = unsafe rd_kafka_event_error(event)
        guard number == RD_KAFKA_RESP_ERR_NO_ERROR else {
            return .topicsCreated([(topic: "*", error: KafkaError(number, "CreateTopics"))])
        }
        guard let result = unsafe rd_kafka_event_CreateTopics_result(event) else { return .other }
        var count = 0
        let topics = unsafe rd_kafka_CreateTopics_result_topics(result, &count)
        var failures: [(topic: String, error: KafkaError)] = []
        for index in 0..<count {
            guard let topic = unsafe topics?[index] else { continue }
            let failed = unsafe rd_kafka_topic_result_error(topic)
            // Somebody else was faster; the partition count is compared afterwards.
            if failed == RD_KAFKA_RESP_ERR_NO_ERROR
                || failed == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS
            {
                continue
            }
            let name = unsafe String(cString: rd_kafka_topic_result_name(topic))
            failures.append((topic: name, error: KafkaError(failed, "creation of topic \(name)")))
        }
        return .topicsCreated(failures)
    }
}
