import Basics
package import Contracts
import Kafka
package import Postgres
import Telemetry

/// A decoded record: what it says about itself, its bytes, and where it stood.
package struct IncomingMessage: Sendable {
    package let envelope: Envelope
    package let payload: [UInt8]

    package init(envelope: Envelope, payload: [UInt8]) {
        self.envelope = envelope
        self.payload = payload
    }

    /// The payload as the given type; bytes that do not fit are poison, not a transient error.
    package func decode<P: Payload>(_ type: P.Type) throws -> P {
        guard envelope.version == P.version else {
            throw Poison(
                .undecodable, code: "unknown_version",
                "\(envelope.type) version \(envelope.version) is not understood by this build")
        }
        do {
            return try PayloadCoding.decode(type, from: payload)
        } catch {
            throw Poison(.undecodable, code: "malformed_payload", "\(envelope.type): \(error)")
        }
    }
}

/// A message that no repetition will make right: it goes to `dead_letters` at once (D15).
package struct Poison: Error, Sendable, CustomStringConvertible {
    /// Stored in `dead_letters.error_class`.
    package enum Class: String, Sendable {
        /// Bytes, type or version that this build cannot read.
        case undecodable
        /// Readable, and in contradiction to what we know (`!` in the saga table).
        case invariant
        /// The handler failed every attempt.
        case exhausted
        /// The broker refuses the record for good.
        case unpublishable
    }

    package let errorClass: Class
    package let code: String
    package let detail: String

    package init(_ errorClass: Class, code: String, _ detail: String) {
        self.errorClass = errorClass
        self.code = code
        self.detail = detail
    }

    package var description: String { "\(errorClass.rawValue)/\(code): \(detail)" }
}

extension Poison: SpanFailureNaming {
    /// The code, as spans name failures.
    package var spanFailureType: String { code }
}

/// Handles one message inside the transaction that already holds its inbox row (D4).
///
/// Throwing `Poison` parks the message; a `PostgresError` rolls back and is tried again.
package protocol MessageHandler: Sendable {
    func handle(_ message: IncomingMessage, in transaction: Transaction) async throws
}
