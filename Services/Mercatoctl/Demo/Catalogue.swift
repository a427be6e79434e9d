/// The demo's twelve products.
package struct DemoProduct: Sendable, Equatable {
    package let sku: String
    package let name: String
    package let description: String
    package let priceMinor: Int64
    package let image: String
    /// The first delivery; 0 for the product that is always sold out.
    package let firstDelivery: Int64

    /// Sold out for ever: no receipt is ever sent for it.
    package static let soldOut = "SOLD-OUT-POSTER"
    package static let confirmed = "MUG-BLUE"
    package static let declined = "TEAPOT-CLAY"

    /// Below this, a top-up follows.
    package static let stockMin: Int64 = 10
    package static let topUp: Int64 = 200

    package static let catalogue: [DemoProduct] = [
        .init("MUG-BLUE", "Blue mug", "Stoneware, 0.3 l, glazed by hand.", 1_200, "☕"),
        .init("TEAPOT-CLAY", "Clay teapot", "Holds four cups and keeps them warm.", 3_450, "🫖"),
        .init("NOTEBOOK-A5", "Notebook A5", "192 dotted pages that lie flat.", 950, "📓"),
        .init("PENCIL-SET", "Twelve pencils", "From 4H to 6B, cedar.", 1_480, "✏️"),
        .init("LAMP-DESK", "Desk lamp", "A warm light on a brass arm.", 6_900, "💡"),
        .init("BAG-CANVAS", "Canvas bag", "Carries a week's groceries.", 2_200, "👜"),
        .init("CLOCK-WALL", "Wall clock", "Silent, with a sweeping hand.", 4_300, "🕰️"),
        .init("PLANT-FERN", "Fern in a pot", "Likes shade and company.", 1_890, "🪴"),
        .init("BLANKET-WOOL", "Wool blanket", "140 by 200 cm, from one farm.", 8_900, "🧶"),
        .init("CANDLE-BEES", "Beeswax candle", "Burns for forty hours.", 1_150, "🕯️"),
        .init("PUZZLE-MAP", "Map puzzle", "A thousand pieces of old Europe.", 2_650, "🧩"),
        .init(soldOut, "Concert poster", "One night only; all of them are gone.", 1_500, "🎫", 0),
    ]

    init(
        _ sku: String, _ name: String, _ description: String, _ priceMinor: Int64, _ image: String,
        _ firstDelivery: Int64 = DemoProduct.topUp
    ) {
        self.sku = sku
        self.name = name
        self.description = description
        self.priceMinor = priceMinor
        self.image = image
        self.firstDelivery = firstDelivery
    }
}
