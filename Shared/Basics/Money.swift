/// A three-letter ISO 4217 code, upper case.
package struct Currency: Sendable, Hashable, Codable, CustomStringConvertible {
    package let code: String

    package init?(_ code: String) {
        guard code.utf8.count == 3, code.utf8.allSatisfy({ $0 >= 0x41 && $0 <= 0x5a }) else {
            return nil
        }
        self.code = code
    }

    private init(unchecked code: String) { self.code = code }

    /// The demo's currency.
    package static let eur = Currency(unchecked: "EUR")

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let currency = Currency(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "not a currency: expected three capital letters")
        }
        self = currency
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(code)
    }

    package var description: String { code }
}

/// An amount in minor units (cents) with its currency. Never a floating-point number.
///
/// JSON: `{"amount_minor":1200,"currency":"EUR"}`.
package struct Money: Sendable, Hashable, Codable, CustomStringConvertible {
    package let minor: Int64
    package let currency: Currency

    package init(minor: Int64, currency: Currency) {
        self.minor = minor
        self.currency = currency
    }

    /// Sum of two amounts; nil when the currencies differ or the sum does not fit.
    package func adding(_ other: Money) -> Money? {
        guard currency == other.currency else { return nil }
        let (sum, overflow) = minor.addingReportingOverflow(other.minor)
        return overflow ? nil : Money(minor: sum, currency: currency)
    }

    /// The amount times a quantity; nil when the product does not fit.
    package func multiplied(by quantity: Int) -> Money? {
        let (product, overflow) = minor.multipliedReportingOverflow(by: Int64(quantity))
        return overflow ? nil : Money(minor: product, currency: currency)
    }

    package var description: String {
        let sign = minor < 0 ? "-" : ""
        let cents = minor.magnitude % 100
        return "\(sign)\(minor.magnitude / 100).\(cents < 10 ? "0" : "")\(cents) \(currency)"
    }

    private enum CodingKeys: String, CodingKey {
        case minor = "amount_minor"
        case currency
    }
}
