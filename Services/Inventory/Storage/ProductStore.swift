package import Basics
package import Postgres

/// Articles in PostgreSQL: reads for customers and for other services, writes for operators.
package struct ProductStore: Sendable {
    /// The most articles of one answer.
    package static let listMax = 1_000

    private let pool: Pool

    package init(pool: Pool) { self.pool = pool }

    private static let columns = """
        SELECT p.sku, p.name, p.description, p.unit_minor, p.currency, p.image,
               s.on_hand - s.held AS available
        FROM products AS p JOIN stock AS s ON s.sku = p.sku
        """

    /// Everything that is for sale, in SKU order.
    package func all() async throws -> [Product] {
        try await pool.query(
            Statement(
                "\(Self.columns) WHERE p.active ORDER BY p.sku LIMIT $1",
                [.integer(Int64(Self.listMax))]), as: "list products"
        ).map(Product.init)
    }

    /// Those of the given articles that are for sale, in SKU order.
    package func some(_ skus: [SKU]) async throws -> [Product] {
        try await pool.query(
            Statement(
                "\(Self.columns) WHERE p.active AND p.sku = ANY ($1) ORDER BY p.sku",
                [.texts(skus.map(\.text))]), as: "read products"
        ).map(Product.init)
    }

    /// Creates or changes an article; its stock begins at 0. Writing the same again changes nothing.
    package func put(_ draft: ProductDraft) async throws {
        try await pool.transaction(.init("put product")) { transaction in
            _ = try await transaction.pipeline([
                Statement(
                    """
                    INSERT INTO products AS p
                        (sku, name, description, unit_minor, currency, image, active, version)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, 1)
                    ON CONFLICT (sku) DO UPDATE SET
                        name = excluded.name, description = excluded.description,
                        unit_minor = excluded.unit_minor, currency = excluded.currency,
                        image = excluded.image, active = excluded.active, version = p.version + 1
                    WHERE (p.name, p.description, p.unit_minor, p.currency, p.image, p.active)
                        IS DISTINCT FROM (excluded.name, excluded.description,
                            excluded.unit_minor, excluded.currency, excluded.image,
                            excluded.active)
                    """,
                    [
                        .text(draft.sku.text), .text(draft.name), .text(draft.description),
                        .integer(draft.price.minor), .text(draft.price.currency.code),
                        .text(draft.image), .boolean(draft.active),
                    ]),
                Statement(
                    """
                    INSERT INTO stock (sku, on_hand, held, version) VALUES ($1, 0, 0, 0)
                    ON CONFLICT (sku) DO NOTHING
                    """, [.text(draft.sku.text)]),
            ])
        }
    }
}

extension Product {
    init(_ row: Row) throws {
        guard let sku = SKU(try row.text("sku")),
            let currency = Currency(try row.text("currency"))
        else { throw CorruptRow(table: "products", detail: "sku or currency cannot be read") }
        self.init(
            sku: sku, name: try row.text("name"), description: try row.text("description"),
            price: Money(minor: try row.integer("unit_minor"), currency: currency),
            image: try row.text("image"), available: try row.integer("available"))
    }
}
