import HTTP

/// A quantity as the client wrote it: any number, so that one too large for an integer is out of
/// range, not malformed. Anything but a number is told apart without looking into it.
enum WrittenQuantity: Decodable {
    case whole(Int64)
    case tooLarge
    case invalid

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = Self.attempt({ try container.decode(Int64.self) }) {
            self = .whole(value)
        } else if let value = Self.attempt({ try container.decode(Double.self) }) {
            self = value == value.rounded() ? .tooLarge : .invalid
        } else {
            self = .invalid
        }
    }

    private static func attempt<T>(_ decode: () throws -> T) -> T? {
        // Ignored: a mismatch only means that the value is written as something else.
        try? decode()
    }

    /// Throws 422 for what is no quantity of a cart's line.
    func pieces() throws -> Int {
        switch self {
        case .whole(let value) where Cart.quantityRange.contains(Int(clamping: value)):
            return Int(clamping: value)
        case .whole, .tooLarge:
            throw CartError(.quantityOutOfRange, "The quantity must be between 1 and 99.")
        case .invalid:
            throw Problem.invalidField("/quantity", "The field must be a whole number.")
        }
    }
}
