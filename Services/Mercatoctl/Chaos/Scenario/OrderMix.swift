package import Basics

/// What an order of a run is meant to become when nothing fails.
package enum OrderIntent: String, Sendable, CaseIterable, Codable {
    /// A good card, and stock enough: confirmed.
    case good
    /// Its card is declined: cancelled.
    case declined
    /// Its product is sold out: cancelled, and no money is asked for.
    case noStock = "no_stock"
}

/// How many orders of each kind come in ten (or in whatever the parts add up to).
package struct OrderMix: Sendable, Equatable {
    package var good = 8
    package var declined = 1
    package var noStock = 1

    package init() {}

    package init(good: Int, declined: Int, noStock: Int) {
        self.good = good
        self.declined = declined
        self.noStock = noStock
    }

    package static let partMax = 100

    /// The intents of `count` orders: the mix holds within each block, and the order within a block
    /// is the seed's. So every part of a run, short as it may be, has its share of each.
    package func intents(_ count: Int, random: RandomSource) -> [OrderIntent] {
        let block =
            Array(repeating: OrderIntent.good, count: good)
            + Array(repeating: .declined, count: declined)
            + Array(repeating: .noStock, count: noStock)
        guard !block.isEmpty else { return Array(repeating: .good, count: count) }
        var result: [OrderIntent] = []
        while result.count < count {
            var rest = block
            while !rest.isEmpty {
                result.append(rest.remove(at: Int(random.next() % UInt64(rest.count))))
            }
        }
        return Array(result.prefix(count))
    }
}
