import Basics
package import Sockets
import Synchronization

/// The orders of a run: which customer wants what, decided by the seed before the first one comes.
package struct ChaosLoad: Sendable {
    /// Good orders are spread over these, so that no single row of stock is all that is tested.
    package static let products = ["MUG-BLUE", "NOTEBOOK-A5", "PENCIL-SET", "BAG-CANVAS", "CANDLE-BEES"]

    /// One request may take a little longer than the gateway's own limit of 5 s.
    private static let requestLimit = Duration.seconds(6)
    /// Between two tries of one customer.
    private static let pause = Duration.milliseconds(500)

    package let intents: [OrderIntent]
    package let purchases: [Purchase]
    private let scenario: ChaosScenario

    package init(_ scenario: ChaosScenario, seed: UInt64) {
        self.scenario = scenario
        let random = RandomSource.seeded(seed)
        let intents = scenario.load.mix.intents(scenario.orders, random: random)
        self.intents = intents
        purchases = intents.map { intent in
            let sku = Self.products[Int(random.next() % UInt64(Self.products.count))]
            return switch intent {
            case .good: Purchase(sku: sku)
            case .declined: Purchase(sku: sku, cardToken: "tok_declined")
            case .noStock: Purchase(sku: DemoProduct.soldOut)
            }
        }
    }

    /// Pieces of each product that the run may need.
    package var demand: [String: Int64] {
        var demand: [String: Int64] = [:]
        for purchase in purchases where purchase.sku != DemoProduct.soldOut {
            demand[purchase.sku, default: 0] += Int64(purchase.quantity)
        }
        return demand
    }

    /// Customers go on trying under the same key until their patience ends, and follow what they
    /// placed until the time for quiescence is over.
    private var patience: ShopBuyer.Patience {
        var patience = ShopBuyer.Patience()
        patience.request = Self.requestLimit
        patience.pause = Self.pause
        patience.total = scenario.load.patience
        patience.tries = .max
        patience.follow = scenario.load.duration + scenario.limits.quiescence
        return patience
    }

    /// Sends them all.
    ///
    /// - Parameters:
    ///   - clock: from whose beginning on orders are timed.
    ///   - settled: called with each order when its customer has left.
    /// - Returns: how many could not be sent, because too many were under way.
    package func run(
        _ url: String, clock: RunClock, loop: EventLoop,
        settled: @escaping @Sendable (ChaosOrder) -> Void
    ) async throws -> Int {
        let arrivals = try OpenLoop(
            rate: scenario.load.rate, duration: scenario.load.duration,
            maxInFlight: min(scenario.orders, OpenLoop.inFlightMax))
        let buyer = ShopBuyer(
            transport: ShopConnections(url: url, maxInFlight: arrivals.maxInFlight, loop: loop),
            loop: loop, patience: patience)
        let (intents, purchases) = (intents, purchases)
        let tally = try await arrivals.run(on: loop) { arrival in
            guard purchases.indices.contains(arrival.index) else { return }
            let record = await buyer.buy(purchases[arrival.index], intended: arrival.intended)
            settled(ChaosOrder(record, intent: intents[arrival.index], clock: clock))
        }
        return tally.notSent
    }
}

/// The time since a run began.
package struct RunClock: Sendable {
    package let start: ContinuousClock.Instant

    package init(start: ContinuousClock.Instant = .now) { self.start = start }

    package var now: Duration { start.duration(to: .now) }

    package func offset(of instant: ContinuousClock.Instant) -> Duration {
        start.duration(to: instant)
    }
}

extension ChaosOrder {
    /// What a customer saw, on the run's clock.
    init(_ record: BuyRecord, intent: OrderIntent, clock: RunClock) {
        let intended = clock.offset(of: record.intended)
        self.init(
            intent: intent, intended: intended, customer: record.customer, key: record.key,
            left: clock.now)
        orderID = record.orderID
        accepted = record.accepted.map { intended + $0 }
        decided = record.ended.map { intended + $0 }
        switch record.end {
        case .confirmed: end = .confirmed
        case .cancelled(let reason): end = .cancelled(reason: reason)
        case .unfinished, .unknown: end = .open
        case .refused, .notPlaced: end = .neverPlaced
        }
    }
}
