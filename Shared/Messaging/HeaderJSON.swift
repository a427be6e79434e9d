import Foundation

/// Kafka headers as the JSON of the `headers` columns: `[["name", "value"], ...]`.
///
/// Both are text almost always; bytes that are no UTF-8, or that hold a NUL, which jsonb refuses,
/// are kept exactly, as `base64:...`.
enum HeaderJSON {
    private static let binaryPrefix = "base64:"

    static func encode(_ headers: [(name: String, value: [UInt8])]) -> String {
        let pairs = headers.map { [text(Array($0.name.utf8)), text($0.value)] }
        guard let json = try? JSONEncoder().encode(pairs) else {
            // Ignored: arrays of arrays of strings always encode; an empty list keeps the row valid.
            return "[]"
        }
        return String(decoding: json, as: UTF8.self)
    }

    static func decode(_ json: String) -> [(name: String, value: [UInt8])]? {
        guard let pairs = try? JSONDecoder().decode([[String]].self, from: Data(json.utf8)) else {
            // Ignored: nil tells the caller, who parks the row instead of publishing half of it.
            return nil
        }
        return pairs.compactMap { pair in
            guard pair.count == 2 else { return nil }
            return (String(decoding: bytes(pair[0]), as: UTF8.self), bytes(pair[1]))
        }
    }

    private static func text(_ value: [UInt8]) -> String {
        if let text = String(validating: value, as: UTF8.self), !text.hasPrefix(binaryPrefix),
            !text.contains("\0")
        {
            return text
        }
        return binaryPrefix + Data(value).base64EncodedString()
    }

    private static func bytes(_ text: String) -> [UInt8] {
        guard text.hasPrefix(binaryPrefix),
            let data = Data(base64Encoded: String(text.dropFirst(binaryPrefix.count)))
        else { return Array(text.utf8) }
        return Array(data)
    }
}
