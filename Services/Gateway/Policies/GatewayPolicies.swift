import Configuration
import HTTP
import Redis
import ServiceKit
import Telemetry

/// What the policies file became: the limiter, the breakers, and Redis if a limit wants it.
struct GatewayPolicies: Sendable {
    let file: PolicyFile
    let limiter: Limiter
    let instruments: LimitInstruments
    let breakers: [UpstreamBreaker]
    /// Nil when no limit is counted in Redis.
    let redis: RedisClient?

    /// - Throws: `YAMLError` for a mistake in the file, `ConfigurationError` when a limit needs Redis
    ///   and nobody told where it is.
    init(_ context: ServiceContext, _ configuration: GatewayConfiguration, routes: [String]) throws {
        file = try PolicyFile.load(path: configuration.policiesPath, routes: routes)
        var redis: RedisClient?
        if let policy = file.needsRedis {
            guard let settings = configuration.redis else {
                throw ConfigurationError(
                    .missing, key: GatewayConfiguration.redisKey,
                    "is not set, but the limit \"\(policy.id)\" at \(policy.place) has store: redis; "
                        + "set it as in redis://127.0.0.1:6379")
            }
            redis = RedisClient(
                configuration: settings, loop: context.loop, logger: context.logger,
                metrics: context.metrics, random: context.random)
        }
        self.redis = redis
        instruments = LimitInstruments(context.metrics)
        limiter = Limiter(
            gateways: file.gateways, keysMax: file.keysMax, redis: redis, instruments: instruments)
        breakers = file.breakers.map { policy in
            UpstreamBreaker(
                policy.upstream.rawValue, policy.settings, mode: policy.mode, logger: context.logger,
                metrics: context.metrics, random: context.random)
        }
    }

    func breaker(of service: KnownService) -> UpstreamBreaker? {
        breakers.first { $0.upstream == service.rawValue }
    }

    /// Keeps the connection to Redis.
    var services: [any LongRunning] {
        guard let redis else { return [] }
        return [LongRunningTask("redis") { try await redis.run() }]
    }
}
