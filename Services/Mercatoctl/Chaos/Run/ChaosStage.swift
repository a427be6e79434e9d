import Basics
package import Sockets

/// What must be true before a run: everybody is ready, and there is stock for every good order.
package struct ChaosStage: Sendable {
    /// How long readiness may take after the last run's fault.
    package static let readyWithin = Duration.seconds(60)
    /// Pieces beyond the run's own demand.
    private static let reserve: Int64 = 20

    private let admin: AdminAPI
    private let loop: EventLoop

    package init(_ admin: AdminAPI, loop: EventLoop) {
        self.admin = admin
        self.loop = loop
    }

    /// Waits until every service is ready, and not merely degraded.
    ///
    /// - Returns: nil, or who is not.
    package func obstacle() async throws -> String? {
        let end = ContinuousClock.now + Self.readyWithin
        while true {
            let missing = try await missing()
            guard let missing else { return nil }
            guard ContinuousClock.now < end else { return "before the fault: \(missing)" }
            try await loop.sleep(for: .milliseconds(500))
        }
    }

    private func missing() async throws -> String? {
        do {
            let others = try await AdminView(admin).services().filter { $0.status != "ready" }
            guard !others.isEmpty else { return nil }
            return others.map { "\($0.name) is \($0.text)" }.joined(separator: ", ")
        } catch let failure as CommandFailure {
            return failure.message
        }
    }

    private struct Receipt: Encodable {
        let receipt_id: String
        let sku: String
        let quantity: Int64
    }

    /// Delivers what a run will need and the shop does not have.
    package func deliver(_ demand: [String: Int64]) async throws {
        let levels = try await AuditReader(admin).stockLevels()
        for (sku, quantity) in demand.sorted(by: { $0.key < $1.key }) {
            let free = levels[sku].map { $0.onHand - $0.held } ?? 0
            guard free < quantity + Self.reserve else { continue }
            try await admin.send(
                "POST", "/admin/inventory/receipts",
                Receipt(
                    receipt_id: UniqueID.v7().description, sku: sku,
                    quantity: quantity + Self.reserve))
        }
    }
}
