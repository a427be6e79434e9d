package import Basics

/// An article as customers see it. `available` is what nobody holds, at the moment it was read.
package struct Product: Sendable, Equatable, Codable {
    package let sku: SKU
    package let name: String
    package let description: String
    package let price: Money
    package let image: String
    package let available: Int64

    package init(
        sku: SKU, name: String, description: String, price: Money, image: String, available: Int64
    ) {
        self.sku = sku
        self.name = name
        self.description = description
        self.price = price
        self.image = image
        self.available = available
    }
}

/// An article as an operator writes it.
package struct ProductDraft: Sendable, Equatable {
    package static let nameMax = 200
    package static let descriptionMax = 4_000
    package static let imageMax = 500

    package let sku: SKU
    package let name: String
    package let description: String
    package let price: Money
    package let image: String
    /// False takes the article off the shelf; what is held or sold stays valid.
    package let active: Bool

    /// - Throws: `InvalidField`, with the limits of the table's own constraints.
    package init(
        sku: SKU, name: String, description: String, price: Money, image: String, active: Bool
    ) throws(InvalidField) {
        try Self.check("name", name, 1...Self.nameMax)
        try Self.check("description", description, 0...Self.descriptionMax)
        try Self.check("image", image, 0...Self.imageMax)
        guard price.minor >= 0 else {
            throw InvalidField(field: "price", problem: "must not be negative")
        }
        self.sku = sku
        self.name = name
        self.description = description
        self.price = price
        self.image = image
        self.active = active
    }

    /// PostgreSQL counts code points, and has no place for NUL in text.
    private static func check(
        _ field: String, _ text: String, _ length: ClosedRange<Int>
    ) throws(InvalidField) {
        guard length.contains(text.unicodeScalars.count) else {
            throw InvalidField(
                field: field,
                problem: "must have \(length.lowerBound) to \(length.upperBound) characters")
        }
        guard !text.unicodeScalars.contains("\0") else {
            throw InvalidField(field: field, problem: "must not contain the character U+0000")
        }
    }
}

/// A value of a request that the rules refuse.
package struct InvalidField: Error, Sendable, Equatable {
    package let field: String
    package let problem: String

    package init(field: String, problem: String) {
        self.field = field
        self.problem = problem
    }
}
