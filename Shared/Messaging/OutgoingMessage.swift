package import Basics
package import Contracts
import Kafka
import Postgres
import Telemetry

/// A message on its way into the outbox.
///
/// Its trace context is that of the current span. `traceparent` is for messages that are made outside
/// of any: the place in the trace that their cause has stored.
package struct OutgoingMessage: Sendable, Equatable {
    package let envelope: Envelope
    package let topic: Topic
    package let payload: [UInt8]

    package init(envelope: Envelope, topic: Topic, payload: [UInt8]) {
        self.envelope = envelope
        self.topic = topic
        self.payload = payload
    }

    /// The order id as text on every topic (D7).
    package var key: [UInt8] { Array(envelope.orderID.description.utf8) }
}

extension OutgoingMessage {
    /// A command of a saga step; re-sending makes a new one, with a new message id (D4).
    package static func command<C: CommandPayload>(
        _ payload: C, to topic: Topic, orderID: OrderID, stepSequence: Int64, cause: UniqueID,
        traceparent: String? = nil, random: RandomSource = .system
    ) throws -> OutgoingMessage {
        OutgoingMessage(
            envelope: Envelope(
                messageID: .v7(using: random), type: C.type, version: C.version, orderID: orderID,
                step: C.step, stepSequence: stepSequence, causationID: cause,
                traceparent: current(or: traceparent)),
            topic: topic, payload: try PayloadCoding.encode(payload))
    }

    /// Something that happened: an event, or a hint that answers no command.
    package static func notice<P: Payload>(
        _ payload: P, to topic: Topic, orderID: OrderID, cause: UniqueID,
        traceparent: String? = nil, random: RandomSource = .system
    ) throws -> OutgoingMessage {
        OutgoingMessage(
            envelope: Envelope(
                messageID: .v7(using: random), type: P.type, version: P.version, orderID: orderID,
                causationID: cause, traceparent: current(or: traceparent)),
            topic: topic, payload: try PayloadCoding.encode(payload))
    }

    /// The answer to a command: same order, step and step sequence; caused by that command.
    package static func reply<P: Payload>(
        _ payload: P, to command: Envelope, random: RandomSource = .system
    ) throws -> OutgoingMessage {
        OutgoingMessage(
            envelope: Envelope(
                messageID: .v7(using: random), type: P.type, version: P.version,
                orderID: command.orderID, step: command.step, stepSequence: command.stepSequence,
                causationID: command.messageID, traceparent: current(or: command.traceparent)),
            topic: Topics.orderReplies, payload: try PayloadCoding.encode(payload))
    }

    private static func current(or stored: String?) -> String? {
        TraceContext.current?.traceparent ?? stored
    }
}
