package import Basics
import Foundation
package import Redis
import ServiceKit
import Sockets
package import Telemetry

/// Rendered carts in Redis, for reading only: what is ordered is always read from PostgreSQL
/// (invariant 36), and a failing Redis only makes reads slower.
///
/// A slow reader must not put back what a writer has just deleted. So a reader that finds nothing
/// leaves a lease before it asks PostgreSQL, a writer deletes entry and lease, and the entry is
/// stored only while the lease is still the reader's own.
package struct CartCache: Sendable {
    private static let storeUnderLease = """
        if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
        redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
        return 1
        """

    private let redis: RedisClient
    private let timeToLive: Duration
    private let leaseTime: Duration
    private let random: RandomSource
    private let hits: Counter
    private let misses: Counter

    package init(
        redis: RedisClient, timeToLive: Duration, leaseTime: Duration = .seconds(5),
        metrics: MetricsRegistry, random: RandomSource = .system
    ) {
        self.redis = redis
        self.timeToLive = timeToLive
        self.leaseTime = leaseTime
        self.random = random
        func counter(_ result: String) -> Counter {
            metrics.counter(
                "mercato_cart_cache_total", help: "Cart reads, by what the cache had.",
                labels: ["result": result])
        }
        hits = counter("hit")
        misses = counter("miss")
    }

    /// A permission to store what is read after it was given.
    package struct Lease: Sendable {
        fileprivate let token: String
    }

    package func find(_ cart: CartID) async -> CartView? {
        // Ignored: an entry of another version of this program is as good as none.
        guard let bytes = await redis.get(Self.key(cart)),
            let view = try? JSONDecoder().decode(CartView.self, from: Data(bytes))
        else {
            misses.increment()
            return nil
        }
        hits.increment()
        return view
    }

    package func lease(_ cart: CartID) async -> Lease {
        let lease = Lease(token: UniqueID.v7(using: random).description)
        await redis.set(Self.leaseKey(cart), Array(lease.token.utf8), timeToLive: leaseTime)
        return lease
    }

    package func store(_ view: CartView, under lease: Lease) async {
        // Ignored: a cache may always stay empty; the client itself counts and logs its failures.
        guard let data = try? JSONEncoder().encode(view) else { return }
        _ = try? await redis.command([
            "EVAL", Self.storeUnderLease, "2", Self.key(view.id), Self.leaseKey(view.id),
            lease.token, String(decoding: data, as: UTF8.self),
            String(timeToLive.inMilliseconds),
        ])
    }

    package func forget(_ cart: CartID) async {
        await redis.delete(Self.leaseKey(cart))
        await redis.delete(Self.key(cart))
    }

    private static func key(_ cart: CartID) -> String { "cart:{\(cart)}" }
    private static func leaseKey(_ cart: CartID) -> String { "cart:{\(cart)}:lease" }
}

/// Deletes the cached copies of carts that messages have changed; a transaction's hook cannot wait
/// for Redis, so it leaves the cart's id here.
package struct CartCacheEraser: LongRunning {
    /// Carts waiting to be erased. What does not fit is read stale until its time to live ends.
    package static let waitingMax = 10_000

    package let name = "cart cache eraser"
    private let cache: CartCache
    private let waiting = AsyncQueue<CartID>(capacity: CartCacheEraser.waitingMax)
    private let dropped: Counter

    package init(cache: CartCache, metrics: MetricsRegistry) {
        self.cache = cache
        dropped = metrics.counter(
            "mercato_cart_cache_erasures_dropped_total",
            help: "Cached carts that could not be queued for erasing.")
    }

    package func erase(_ cart: CartID) {
        if !waiting.push(cart) { dropped.increment() }
    }

    package func run() async throws {
        while let cart = await waiting.next() { await cache.forget(cart) }
        try Task.checkCancellation()
    }
}
