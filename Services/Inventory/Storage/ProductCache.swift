package import Basics
import Foundation
import Postgres
package import Redis
import Sockets
package import Telemetry

/// What a customer is shown, and how old it is.
package struct Catalogue: Sendable, Equatable, Codable {
    package let products: [Product]
    package let asOf: WallTime
    /// True when PostgreSQL could not be asked and an older copy is shown instead.
    package let stale: Bool

    package init(products: [Product], asOf: WallTime, stale: Bool) {
        self.products = products
        self.asOf = asOf
        self.stale = stale
    }

    private enum CodingKeys: String, CodingKey {
        case products
        case asOf = "as_of"
        case stale
    }
}

/// Redis in front of the product reads of customers; never in front of a price that is charged.
///
/// An entry is fresh for two seconds and kept for longer, to be shown, marked stale, while
/// PostgreSQL is away (D22 allows that for a catalogue, not for stock or money).
package struct ProductCache: Sendable {
    private let redis: RedisClient
    private let freshFor: Duration
    private let keptFor: Duration
    private let loadLimit: Duration
    private let now: @Sendable () -> WallTime
    private let hits: Counter
    private let misses: Counter
    private let staleHits: Counter

    package init(
        redis: RedisClient, freshFor: Duration, keptFor: Duration,
        loadLimit: Duration = .milliseconds(500), metrics: MetricsRegistry,
        now: @escaping @Sendable () -> WallTime = { .now() }
    ) {
        self.redis = redis
        self.freshFor = freshFor
        self.keptFor = keptFor
        self.loadLimit = loadLimit
        self.now = now
        func counter(_ result: String) -> Counter {
            metrics.counter(
                "mercato_product_cache_total", help: "Product reads, by what the cache had.",
                labels: ["result": result])
        }
        hits = counter("hit")
        misses = counter("miss")
        staleHits = counter("stale")
    }

    /// The entry of a key, or what `load` gives. A failing `load` is answered from an old entry if
    /// there is one; otherwise its error is thrown.
    package func read(
        _ key: String, load: @escaping () async throws -> [Product]
    ) async throws -> Catalogue {
        let cached = await entry(key)
        let time = now()
        // An entry from the future comes from a clock that ran wrong: it would never grow old.
        if let cached, cached.asOf <= time, time < cached.asOf.advanced(by: freshFor) {
            hits.increment()
            return cached
        }
        misses.increment()
        guard let cached else { return try await fresh(key, asOf: time, load) }
        do {
            // Whoever has something to show does not wait as long as whoever has nothing.
            return try await redis.loop.withTimeout(loadLimit) {
                try await fresh(key, asOf: time, load)
            }
        } catch let error where Self.isAway(error) {
            staleHits.increment()
            return Catalogue(products: cached.products, asOf: cached.asOf, stale: true)
        }
    }

    private static func isAway(_ error: any Error) -> Bool {
        switch error {
        case is TimeoutError: true
        case let error as PostgresError: error.isUnavailable
        default: false
        }
    }

    private func fresh(
        _ key: String, asOf time: WallTime, _ load: () async throws -> [Product]
    ) async throws -> Catalogue {
        let fresh = Catalogue(products: try await load(), asOf: time, stale: false)
        // An unknown SKU leaves no entry: a caller could fill Redis with names it makes up.
        if !fresh.products.isEmpty { await store(fresh, key) }
        return fresh
    }

    /// After an operator changed an article.
    package func forget(_ keys: [String]) async {
        for key in keys { await redis.delete(key) }
    }

    private func entry(_ key: String) async -> Catalogue? {
        guard let bytes = await redis.get(key) else { return nil }
        // Ignored: an entry of another version of this program is as good as none.
        return try? JSONDecoder().decode(Catalogue.self, from: Data(bytes))
    }

    private func store(_ catalogue: Catalogue, _ key: String) async {
        // Ignored: nothing here can fail to encode, and a cache may always stay empty.
        guard let data = try? JSONEncoder().encode(catalogue) else { return }
        await redis.set(key, Array(data), timeToLive: keptFor)
    }
}
