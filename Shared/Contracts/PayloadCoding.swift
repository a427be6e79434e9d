import Foundation

/// One way to write payloads: sorted keys, so that equal payloads are equal bytes.
package enum PayloadCoding {
    package static func encode(_ payload: some Payload) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(payload))
    }

    package static func decode<T: Payload>(_ type: T.Type, from bytes: [UInt8]) throws -> T {
        try JSONDecoder().decode(type, from: Data(bytes))
    }
}
