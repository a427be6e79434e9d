internal import CKafka
import Telemetry

/// What went wrong with a record, a client or a broker.
package struct KafkaError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What a caller branches on. The library's own number stays in `number`.
    package enum Code: Sendable, Equatable {
        /// No connection, or it broke; the library reconnects by itself.
        case transport
        /// No answer in time; whether a record was written is unknown.
        case timedOut
        /// The producer's queue is full.
        case queueFull
        case messageTooLarge
        case unknownTopicOrPartition
        case notAuthorized
        /// The handle cannot be used again. A producer makes a new one by itself.
        case fatal
        /// A property was refused, or a topic has another partition count than ours.
        case configuration
        /// `close()` was called.
        case closed
        /// The calling task was cancelled; whether a record was written is unknown.
        case cancelled
        /// Everything else, by the library's number.
        case other
    }

    package let code: Code
    package let message: String
    /// The C library's error number; 0 when the error is ours.
    package let number: Int32

    package init(_ code: Code, _ message: String, number: Int32 = 0) {
        self.code = code
        self.message = message
        self.number = number
    }

    /// The handle that reported it cannot be used again.
    package var isFatal: Bool { code == .fatal }

    /// The same record will fail again: the owner parks it instead of retrying.
    package var isPermanent: Bool {
        switch code {
        case .messageTooLarge, .unknownTopicOrPartition, .notAuthorized, .configuration: true
        case .transport, .timedOut, .queueFull, .fatal, .closed, .cancelled, .other: false
        }
    }

    /// Worth trying again: everything that is not permanent, a lost handle among it, since the
    /// producer makes a new one.
    package var isRetriable: Bool { !isPermanent }

    package var description: String { "\(code): \(message)" }
}

extension KafkaError: SpanFailureNaming {
    /// The code, as spans name failures.
    package var spanFailureType: String { "\(code)" }
}

extension KafkaError {
    /// An error number of the library with the text of what was being done.
    init(_ error: rd_kafka_resp_err_t, _ doing: String, detail: String? = nil) {
        let text = unsafe String(cString: rd_kafka_err2str(error))
        self.init(
            Code(error), "\(doing): \(detail ?? text)", number: Int32(error.rawValue))
    }

    /// Takes over an error object of the library: reads and destroys it.
    @safe init(consuming error: OpaquePointer, _ doing: String) {
        let number = unsafe rd_kafka_error_code(error)
        let text = unsafe String(cString: rd_kafka_error_string(error))
        let isFatal = unsafe rd_kafka_error_is_fatal(error) == 1
        unsafe rd_kafka_error_destroy(error)
        self.init(
            isFatal ? .fatal : Code(number), "\(doing): \(text)", number: Int32(number.rawValue))
    }
}

extension KafkaError.Code {
    init(_ error: rd_kafka_resp_err_t) {
        switch error {
        case RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
            RD_KAFKA_RESP_ERR__RESOLVE, RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
            RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
            self = .transport
        case RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT,
            RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
            self = .timedOut
        case RD_KAFKA_RESP_ERR__QUEUE_FULL:
            self = .queueFull
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE,
            RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
            self = .messageTooLarge
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
            RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
            self = .unknownTopicOrPartition
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
            self = .notAuthorized
        case RD_KAFKA_RESP_ERR__FATAL, RD_KAFKA_RESP_ERR__FENCED:
            self = .fatal
        case RD_KAFKA_RESP_ERR__INVALID_ARG:
            self = .configuration
        case RD_KAFKA_RESP_ERR__PURGE_QUEUE, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT,
            RD_KAFKA_RESP_ERR__DESTROY:
            self = .closed
        default:
            self = .other
        }
    }
}

/// The text that the library wrote into a buffer, up to the terminating zero.
func errorText(_ buffer: [CChar]) -> String {
    String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
