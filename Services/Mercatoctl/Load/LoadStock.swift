import Basics
package import Sockets

/// Fills the shelves before a run and reads them after it. Availability is what customers see; its
/// cache may be two seconds old, so a figure that is expected is waited for.
package struct LoadStock: Sendable {
    /// How long a shelf may take to show what was delivered or sold.
    package static let settleLimit = Duration.seconds(10)

    private let transport: any ShopTransport
    private let admin: AdminAPI
    private let loop: EventLoop

    package init(transport: any ShopTransport, admin: AdminAPI, loop: EventLoop) {
        self.transport = transport
        self.admin = admin
        self.loop = loop
    }

    private struct ReceiptBody: Encodable {
        let receipt_id: String
        let sku: String
        let quantity: Int64
    }

    private struct ProductBody: Encodable {
        struct Price: Encodable {
            let amount_minor: Int64
            let currency: String
        }
        let name = "Flash sale"
        let description = "One piece each, while there are any."
        let price = Price(amount_minor: 500, currency: "EUR")
        let image = "⚡"
        let active: Bool
    }

    /// Delivers what a product lacks.
    ///
    /// - Returns: the pieces that can be sold now.
    package func ensure(_ pieces: Int64, of sku: String) async throws -> Int64 {
        let there = try await available(sku)
        guard there < pieces else { return there }
        try await admin.send(
            "POST", "/admin/inventory/receipts",
            ReceiptBody(
                receipt_id: UniqueID.v7().description, sku: sku, quantity: pieces - there))
        return try await available(sku) { $0 >= pieces }
    }

    /// Puts the flash sale's product on the shelf, or takes it away.
    package func showFlashProduct(_ isActive: Bool) async throws {
        try await admin.send(
            "PUT", "/admin/inventory/products/\(LoadChoices.flashSKU)", ProductBody(active: isActive))
    }

    /// What can be sold; waits a while until it is as expected, and returns the last figure seen.
    package func available(
        _ sku: String, until isExpected: (Int64) -> Bool = { _ in true }
    ) async throws -> Int64 {
        let deadline = Deadline.after(Self.settleLimit)
        while true {
            let answer = await transport.send(
                ShopCall(method: "GET", path: "/v1/products/\(sku)", limit: .seconds(10)))
            let product = try Self.product(answer, sku)
            let seen = try product.integer("available")
            if !product.flag("stale"), isExpected(seen) { return seen }
            guard !deadline.isPast else { return seen }
            try await loop.sleep(for: .milliseconds(250))
        }
    }

    private static func product(_ answer: ShopAnswer, _ sku: String) throws(CommandFailure)
        -> JSONObject
    {
        guard answer.isGood else {
            let what = answer.failure ?? answer.status.map(String.init) ?? "nothing"
            throw CommandFailure(
                .failed, "the product \(sku) cannot be read (\(what))",
                details: ["is Mercato up, and seeded? mercatoctl seed"])
        }
        return try JSONObject(answer.body, what: "the product \(sku)")
    }
}
