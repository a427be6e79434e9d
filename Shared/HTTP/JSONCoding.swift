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
    /// JSON, 422 with the JSON Pointer for a missing or wrong member.
    package func decodeJSON<T: Decodable>(_ type: T.Type) throws(Problem) -> T {
        guard let mediaType = headers["content-type"], Self.isJSON(mediaType) else {
            throw Problem(
                status: 415, code: "unsupported_media_type",
                detail: "The body must be application/json.")
        }
        do {
            return try JSONCoding.decode(type, from: body)
        } catch let error as DecodingError {
            throw Self.problem(for: error)
        } catch {
            throw .badRequest("malformed_json", "The body is not valid JSON.")
        }
    }

    private static func isJSON(_ mediaType: String) -> Bool {
        let parts = mediaType.split(separator: ";", omittingEmptySubsequences: false)
            .map { $0.trimmingOptionalWhitespace.lowercased() }
        guard let essence = parts.first else { return false }
        let isJSON =
            essence == "application/json"
            || (essence.hasPrefix("application/") && essence.hasSuffix("+json"))
        // JSON is UTF-8 between systems (RFC 8259 §8.1); another charset would be misread.
        return isJSON
            && parts.dropFirst().allSatisfy { part in
                !part.hasPrefix("charset=") || part == "charset=utf-8"
                    || part == "charset=\"utf-8\""
            }
    }

    private static func problem(for error: DecodingError) -> Problem {
        switch error {
        case .keyNotFound(let key, let context):
            return .invalidField(pointer(context.codingPath + [key]), "The field is missing.")
        case .valueNotFound(_, let context):
            return .invalidField(pointer(context.codingPath), "The field must not be null.")
        case .typeMismatch(let type, let context):
            return .invalidField(
                pointer(context.codingPath), "The field has the wrong type; expected \(type).")
        case .dataCorrupted(let context):
            guard !context.codingPath.isEmpty else {
                return .badRequest("malformed_json", "The body is not valid JSON.")
            }
            return .invalidField(pointer(context.codingPath), context.debugDescription)
        @unknown default:
            return .badRequest("malformed_json", "The body is not valid JSON.")
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
