import Basics
package import Configuration
package import Redis
package import ServiceKit

/// The service's own settings, with default and range; `DurableSettings` reads those that it shares
/// with others. A wrong one ends the start with exit 78.
package struct CartConfiguration: Sendable {
    package let apiPort: Int
    package let operationsPort: Int
    package let redis: RedisConfiguration
    package let inventoryURL: String
    /// How long a rendered cart may be shown.
    package let cacheTime: Duration
    package let limits: CartRoutes.Limits

    package static let apiPortKey = "MERCATO_PORT_CART"
    package static let operationsPortSetting = PortSetting("MERCATO_PORT_CART_OPS", default: 8201)
    private static let redisKey = "MERCATO_REDIS_URL"

    package init(_ environment: EnvironmentReader) throws(ConfigurationError) {
        apiPort = try environment.integer(Self.apiPortKey, default: 8101, in: 0...65_535)
        operationsPort = try Self.operationsPortSetting.read(environment)
        let redisURL = try environment.text(
            Self.redisKey, default: "redis://127.0.0.1:63790")
        guard let redis = RedisConfiguration(url: redisURL) else {
            throw ConfigurationError(
                .malformed, key: Self.redisKey,
                "is not a Redis address; allowed is redis://host:port or redis://host:port/number")
        }
        self.redis = redis
        inventoryURL = try environment.text(
            "MERCATO_URL_INVENTORY", default: "http://127.0.0.1:8103")
        cacheTime = try environment.milliseconds(
            "MERCATO_CART_CACHE_MS", default: .seconds(60),
            in: .milliseconds(1)...(.seconds(3_600)))
        var limits = CartRoutes.Limits()
        limits.linesMax = try environment.integer(
            "MERCATO_CART_LINES_MAX", default: limits.linesMax,
            in: 1...InventoryDirectory.skusMax)
        limits.checkTimeout = try environment.milliseconds(
            "MERCATO_INVENTORY_CHECK_MS", default: limits.checkTimeout,
            in: .milliseconds(10)...(.seconds(30)))
        limits.namesTimeout = try environment.milliseconds(
            "MERCATO_INVENTORY_NAMES_MS", default: limits.namesTimeout,
            in: .milliseconds(10)...(.seconds(30)))
        self.limits = limits
    }
}
