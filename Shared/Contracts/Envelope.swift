package import Basics

/// What every message says about itself. It travels as Kafka headers; the record's value is the
/// payload alone (D16).
package struct Envelope: Sendable, Equatable {
    /// The identity that the inbox deduplicates by (D4). A re-sent command has a new one.
    package var messageID: UniqueID
    /// The payload's name, for example `Reserve` or `StockCommitted`.
    package var type: String
    package var version: Int
    package var orderID: OrderID
    /// The saga step that a command belongs to; a reply repeats it.
    package var step: Step?
    /// The saga_log seq that opened the step; a reply repeats it, so a late reply is known as late.
    package var stepSequence: Int64?
    /// The message, or the saga transition, that made this one necessary.
    package var causationID: UniqueID
    /// W3C trace context, so that one trace joins every hop.
    package var traceparent: String?

    package init(
        messageID: UniqueID, type: String, version: Int = 1, orderID: OrderID, step: Step? = nil,
        stepSequence: Int64? = nil, causationID: UniqueID, traceparent: String? = nil
    ) {
        self.messageID = messageID
        self.type = type
        self.version = version
        self.orderID = orderID
        self.step = step
        self.stepSequence = stepSequence
        self.causationID = causationID
        self.traceparent = traceparent
    }
}

/// The six steps of the checkout; the wire spelling is that of `saga_steps.step`.
package enum Step: String, Sendable, Codable, CaseIterable, Hashable {
    case reserve = "RESERVE"
    case authorize = "AUTHORIZE"
    case commitStock = "COMMIT_STOCK"
    case capture = "CAPTURE"
    case void = "VOID"
    case release = "RELEASE"
}

/// Why a record's headers could not be read.
package struct EnvelopeError: Error, Sendable, Equatable, CustomStringConvertible {
    package let header: String
    package let problem: String

    package init(header: String, problem: String) {
        self.header = header
        self.problem = problem
    }

    package var description: String { "header '\(header)': \(problem)" }
}

extension Envelope {
    /// The header names on the wire, in the order they are written.
    package enum Header {
        package static let messageID = "message-id"
        package static let type = "type"
        package static let version = "version"
        package static let orderID = "order-id"
        package static let step = "step"
        package static let stepSequence = "step-seq"
        package static let causationID = "causation-id"
        package static let traceparent = "traceparent"
    }

    /// The longest message type accepted from the wire, in bytes.
    package static let typeLengthMax = 64

    package var headers: [(name: String, value: [UInt8])] {
        var list: [(name: String, value: [UInt8])] = [
            (Header.messageID, Array(messageID.description.utf8)),
            (Header.type, Array(type.utf8)),
            (Header.version, Array(String(version).utf8)),
            (Header.orderID, Array(orderID.description.utf8)),
            (Header.causationID, Array(causationID.description.utf8)),
        ]
        if let step { list.append((Header.step, Array(step.rawValue.utf8))) }
        if let stepSequence { list.append((Header.stepSequence, Array(String(stepSequence).utf8))) }
        if let traceparent { list.append((Header.traceparent, Array(traceparent.utf8))) }
        return list
    }

    /// Reads the headers of a record; unknown headers are ignored, so newer producers may add some.
    package init(headers: [(name: String, value: [UInt8])]) throws(EnvelopeError) {
        func text(_ name: String) -> String? {
            headers.last { $0.name == name }.map { String(decoding: $0.value, as: UTF8.self) }
        }
        func required<T>(_ name: String, _ parse: (String) -> T?) throws(EnvelopeError) -> T {
            guard let value = text(name) else {
                throw EnvelopeError(header: name, problem: "is missing")
            }
            guard let parsed = parse(value) else {
                throw EnvelopeError(header: name, problem: "cannot be read")
            }
            return parsed
        }
        func optional<T>(_ name: String, _ parse: (String) -> T?) throws(EnvelopeError) -> T? {
            text(name) == nil ? nil : try required(name, parse)
        }
        messageID = try required(Header.messageID) { UniqueID($0) }
        type = try required(Header.type) {
            $0.isEmpty || $0.utf8.count > Self.typeLengthMax ? nil : $0
        }
        version = try required(Header.version) { Int($0).flatMap { $0 > 0 ? $0 : nil } }
        orderID = try required(Header.orderID) { OrderID($0) }
        step = try optional(Header.step) { Step(rawValue: $0) }
        stepSequence = try optional(Header.stepSequence) { Int64($0) }
        causationID = try required(Header.causationID) { UniqueID($0) }
        traceparent = text(Header.traceparent)
    }
}
