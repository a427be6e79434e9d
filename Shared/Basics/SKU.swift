/// A stock keeping unit: 1–64 characters of `A–Z`, `0–9` and `-`.
package struct SKU: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    /// The longest SKU accepted, in characters.
    package static let lengthMax = 64
    package let text: String

    package init?(_ text: some StringProtocol) {
        let length = text.utf8.count
        guard length >= 1, length <= Self.lengthMax else { return nil }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"):
                continue
            default: return nil
            }
        }
        self.text = String(text)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let sku = SKU(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "not a SKU: expected 1 to 64 of A-Z, 0-9 and '-'")
        }
        self = sku
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    package static func < (left: SKU, right: SKU) -> Bool { left.text < right.text }
    package var description: String { text }
}
