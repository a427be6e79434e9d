import Basics
import Foundation
import HTTP
import Messaging

/// Dead letters as JSON.
enum LetterJSON {
    static func summary(_ letter: StoredLetter) -> [String: JSONValue] {
        func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }
        return [
            "id": .string("\(letter.id)"), "consumer": .string(letter.consumer),
            "message_id": .string("\(letter.messageID)"), "type": text(letter.type),
            "topic": .string(letter.topic), "partition": .integer(Int64(letter.partition)),
            "offset": .integer(letter.offset), "recorded_at": text(letter.recordedAt?.iso8601),
            "order_id": text(letter.orderID?.description), "trace_id": text(letter.traceID),
            "error_class": .string(letter.errorClass), "error_code": .string(letter.errorCode),
            "error": .string(letter.error), "attempts": .integer(letter.attempts),
            "first_failed_at": .string(letter.firstFailedAt.iso8601),
            "state": .string(letter.state.rawValue), "replays": .integer(letter.replays),
            "replayed_at": text(letter.replayedAt?.iso8601),
            "settled_at": text(letter.settledAt?.iso8601), "reason": text(letter.reason),
            "payload_bytes": letter.payloadBytes.map(JSONValue.integer) ?? .null,
        ]
    }

    /// With everything that stood in the record.
    static func full(_ letter: StoredLetter) -> [String: JSONValue] {
        var members = summary(letter)
        members["key"] = bytes(letter.key)
        members["headers"] = .array(
            letter.headers.map { header in
                .object(["name": .string(header.name), "value": bytes(header.value)])
            })
        members["payload"] = bytes(letter.payload)
        return members
    }

    /// `{"encoding":"utf-8","data":…}`, or base64 for what is no text; null for what is not there.
    static func bytes(_ value: [UInt8]?) -> JSONValue {
        guard let value else { return .null }
        if let text = String(validating: value, as: UTF8.self), !text.contains("\0") {
            return ["encoding": "utf-8", "data": .string(text)]
        }
        return ["encoding": "base64", "data": .string(Data(value).base64EncodedString())]
    }
}
