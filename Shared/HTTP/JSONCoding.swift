package import Foundation

/// One policy for JSON everywhere: sorted keys, slashes as they are, snake case spelled out by
/// `CodingKeys`.
package enum JSONCoding {
    package static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    package static var decoder: JSONDecoder { JSONDecoder() }

    package static func encode<T: Encodable>(_ value: T) throws -> [UInt8] {
        [UInt8](try encoder.encode(value))
    }

    package static func decode<T: Decodable>(_ type: T.Type, from bytes: [UInt8]) throws -> T {
        try decoder.decode(type, from: Data(bytes))
    }
}

extension Request {
    /// The body as a `T`. Throws 415 without a JSON media type (H97), 400 for text that is not
    /// JSON or nests deeper than `JSONDepth.requestMax`, 422 with the JSON Pointer for a missing or
    /// wrong member.
    package func decodeJSON<T: Decodable>(_ type: T.Type) throws(Problem) -> T {
        try requireJSON()
        // UTF-8 JSON has no zero byte. UTF-16 has, which the decoder would accept and the count of
        // the depth would misread.
        guard !body.contains(0) else { throw Self.malformed }
        guard !JSONDepth.exceeds(JSONDepth.requestMax, body) else {
            throw .badRequest(
                "malformed_json",
                "The body is nested deeper than \(JSONDepth.requestMax) levels.")
        }
        do {
            return try JSONCoding.decode(type, from: body)
        } catch let error as DecodingError {
            throw problem(for: error)
        } catch {
            throw Self.malformed
        }
    }

    private static let malformed = Problem.badRequest(
        "malformed_json", "The body is not valid JSON.")

    private func problem(for error: DecodingError) -> Problem {
        switch error {
        case .keyNotFound(let key, let context):
            return .invalidField(Self.pointer(context.codingPath + [key]), "The field is missing.")
        case .valueNotFound(_, let context):
            return .invalidField(Self.pointer(context.codingPath), "The field must not be null.")
        case .typeMismatch(let type, let context):
            return .invalidField(
                Self.pointer(context.codingPath), "The field has the wrong type; expected \(type).")
        case .dataCorrupted(let context):
            // Foundation reports a number that its field cannot hold (1.5 or 1e23 for an integer)
            // without a place, as it does text that is no JSON.
            guard !context.codingPath.isEmpty else {
                guard isValidJSON else { return Self.malformed }
                return .invalidField("", "A number does not fit its field.")
            }
            return .invalidField(Self.pointer(context.codingPath), context.debugDescription)
        @unknown default:
            return Self.malformed
        }
    }

    private var isValidJSON: Bool {
        do {
            _ = try JSONSerialization.jsonObject(with: Data(body), options: .fragmentsAllowed)
            return true
        } catch {
            // Ignored: the answer is all that is asked for.
            return false
        }
    }

    /// RFC 6901: `~` and `/` inside a name are escaped.
    private static func pointer(_ path: [any CodingKey]) -> String {
        path.map { key in
            if let index = key.intValue { return "/\(index)" }
            return "/"
                + key.stringValue.replacing("~", with: "~0").replacing("/", with: "~1")
        }.joined()
    }
}
