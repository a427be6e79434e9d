import Basics
package import Configuration
package import Redis
package import ServiceKit

/// The service's own settings, with default and range; `DurableSettings` reads those that it shares
/// with others. A wrong one ends the start with exit 78.
package struct InventoryConfiguration: Sendable {
    package let apiPort: Int
    package let operationsPort: Int
    package let redis: RedisConfiguration
    /// The longest wait between two looks for holds that ran out.
    package let reservationScan: Duration
    /// How long a cached article is shown as if it were new.
    package let productFresh: Duration
    /// How long it is shown, marked stale, while PostgreSQL is away.
    package let productStale: Duration
    /// How long PostgreSQL may take while there is an older copy to show instead.
    package let productLoad: Duration

    package static let apiPortKey = "MERCATO_PORT_INVENTORY"
    package static let operationsPortSetting = PortSetting("MERCATO_PORT_INVENTORY_OPS", default: 8203)
    private static let redisKey = "MERCATO_REDIS_URL"

    package init(_ environment: EnvironmentReader) throws(ConfigurationError) {
        apiPort = try environment.integer(Self.apiPortKey, default: 8103, in: 0...65_535)
        operationsPort = try Self.operationsPortSetting.read(environment)
        let redisURL = try environment.text(
            Self.redisKey, default: "redis://127.0.0.1:63790")
        guard let redis = RedisConfiguration(url: redisURL) else {
            throw ConfigurationError(
                .malformed, key: Self.redisKey,
                "is not a Redis address; allowed is redis://host:port or redis://host:port/number")
        }
        self.redis = redis
        reservationScan = try environment.milliseconds(
            "MERCATO_RESERVATION_SCAN_MS", default: .seconds(1),
            in: .milliseconds(10)...(.seconds(60)))
        productFresh = try environment.milliseconds(
            "MERCATO_PRODUCT_FRESH_MS", default: .seconds(2), in: .zero...(.seconds(60)))
        productStale = try environment.milliseconds(
            "MERCATO_PRODUCT_STALE_MS", default: .seconds(600),
            in: .seconds(1)...(.seconds(86_400)))
        productLoad = try environment.milliseconds(
            "MERCATO_PRODUCT_LOAD_MS", default: .milliseconds(500),
            in: .milliseconds(10)...(.seconds(30)))
    }
}
