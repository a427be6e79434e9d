import Basics
package import Sockets

/// One run: shelves filled, customers sent, shelves read, report made.
package struct LoadRun: Sendable {
    /// How often a line tells that the run goes on.
    private static let progressEvery = Duration.seconds(10)

    private let plan: LoadPlan
    private let target: String
    private let transport: any ShopTransport
    private let stock: LoadStock
    private let loop: EventLoop
    private let say: @Sendable (String) -> Void

    package init(
        _ plan: LoadPlan, target: String, transport: any ShopTransport, admin: AdminAPI,
        loop: EventLoop, say: @escaping @Sendable (String) -> Void
    ) {
        self.plan = plan
        self.target = target
        self.transport = transport
        self.loop = loop
        self.say = say
        stock = LoadStock(transport: transport, admin: admin, loop: loop)
    }

    package func run() async throws -> LoadReport {
        let openLoop = try OpenLoop(
            rate: plan.rate, duration: plan.duration, maxInFlight: plan.maxInFlight)
        let before = try await fillShelves(openLoop.planned)
        let recorder = LoadRecorder()
        let (startedAt, began) = (WallTime.now(), ContinuousClock.now)
        let tally = try await send(openLoop, recorder)
        var shelf: LoadReport.Stock?
        if let before {
            let sold = recorder.sums.orders.pieces
            let after = try await stock.available(LoadChoices.flashSKU) { $0 == before - sold }
            if plan.topsUp { try await stock.showFlashProduct(false) }
            shelf = LoadReport.Stock(
                sku: LoadChoices.flashSKU, before: before, sold: sold, after: after)
        }
        return LoadReport(
            LoadReport.Material(
                plan: plan, target: target, startedAt: startedAt, began: began, tally: tally,
                sums: recorder.sums, stock: shelf))
    }

    /// - Returns: the pieces of the flash sale, nil for the other profiles.
    private func fillShelves(_ arrivals: Int) async throws -> Int64? {
        let pieces = plan.pieces(of: arrivals)
        switch plan.profile {
        case .browse: return nil
        case .checkout:
            guard plan.topsUp else { return nil }
            for sku in LoadChoices.skus { _ = try await stock.ensure(pieces, of: sku) }
            return nil
        case .flash:
            guard plan.topsUp else { return try await stock.available(LoadChoices.flashSKU) }
            try await stock.showFlashProduct(true)
            return try await stock.ensure(pieces, of: LoadChoices.flashSKU)
        }
    }

    private func send(_ openLoop: OpenLoop, _ recorder: LoadRecorder) async throws
        -> OpenLoop.Tally
    {
        let choices = LoadChoices(plan.profile, seed: plan.seed)
        let buyer = ShopBuyer(transport: transport, loop: loop)
        let visitor = ShopVisitor(transport: transport)
        let progress = max(1, Int((plan.rate * Self.progressEvery.inSeconds).rounded()))
        let (profile, rate, say) = (plan.profile, plan.rate, say)
        return try await openLoop.run(on: loop) { arrival in
            if arrival.index > 0, arrival.index % progress == 0 {
                let sums = recorder.sums
                say(
                    "  \(Int((Double(arrival.index) / rate).rounded())) s: \(arrival.index) due, "
                        + "\(sums.requests) requests answered, \(sums.failed) failed")
            }
            let purchase = choices.purchase(arrival.index)
            switch profile {
            case .browse:
                for call in await visitor.visit(purchase.sku, intended: arrival.intended) {
                    recorder.add(call)
                }
            case .checkout, .flash:
                recorder.add(await buyer.buy(purchase, intended: arrival.intended))
            }
        }
    }
}

/// Somebody who looks at the catalogue and at one product.
struct ShopVisitor: Sendable {
    let transport: any ShopTransport
    private static let limit = Duration.seconds(10)

    func visit(_ sku: String, intended: ContinuousClock.Instant) async -> [CallRecord] {
        // A limit per customer is that of a person, not of this program.
        let headers = ["Authorization": "Bearer demo-\(UniqueID.v7())"]
        var due = intended
        var records: [CallRecord] = []
        for (kind, path) in [(CallKind.catalogue, "/v1/products"), (.product, "/v1/products/\(sku)")] {
            let answer = await transport.send(
                ShopCall(method: "GET", path: path, headers: headers, limit: Self.limit))
            let now = ContinuousClock.now
            records.append(
                CallRecord(
                    kind: kind, status: answer.status, failure: answer.failure,
                    latency: due.duration(to: now)))
            due = now
        }
        return records
    }
}
