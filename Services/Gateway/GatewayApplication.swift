import Basics
import HTTP
import HTTPClient
package import ServiceKit
import Telemetry

/// The gateway: composition root and table of contents.
///
/// Public port: the pages, and every route of `PublicRoute.all`. Admin port (also its operations
/// port): `/admin/status`, `/admin/{service}/{rest...}`.
package enum GatewayApplication {
    package static let name = "gateway"
    /// Where probes, metrics and operators ask.
    package static let adminPort = GatewayConfiguration.adminPortSetting

    package static func compose(_ context: ServiceContext) throws -> Composition {
        let configuration = try GatewayConfiguration(context.environment)
        warn(about: configuration, context.logger)

        var api = Router()
        for policy in policies(context, configuration) { api.use(policy) }
        WebPages.add(to: &api)
        let upstreams = Upstreams(context, configuration)
        for route in PublicRoute.all {
            api.on(
                route.method, route.pattern, bodyLimit: PublicRoute.bodyLimit,
                upstreams.forwarder(for: route).handler)
        }

        var operations = Router()
        operations.use(AdminToken(configuration).middleware)
        AdminRoutes(context, configuration).add(to: &operations)

        return Composition(
            api: api, operations: operations, apiPort: configuration.apiPort,
            operationsPort: configuration.adminPort, apiPortKey: GatewayConfiguration.apiPortKey,
            operationsPortKey: GatewayConfiguration.adminPortSetting.key)
    }

    /// What happens to every request, outermost first; the last step, the route's handler, forwards.
    static func policies(_ context: ServiceContext, _ configuration: GatewayConfiguration)
        -> [Middleware]
    {
        // Drop what the outside must not say, and bound the time it may ask for. The rate limit per
        // address belongs next to it, in front of everything that costs more (gateway.md §1).
        [RequestHygiene.middleware(routeTimeout: configuration.routeTimeout)]
            // Request id, trace context, access log, no believed caller, deadline.
            + standardMiddleware(
                context, trustsCaller: false, defaultTimeout: configuration.routeTimeout)
            // Who is asking. The rate limit per customer belongs behind it.
            + [Identity(isDemo: configuration.demoIdentity).middleware]
        // Forward: see Forwarder, whose one call upstream is where the circuit breaker belongs.
    }

    private static func warn(about configuration: GatewayConfiguration, _ logger: Logger) {
        if configuration.demoIdentity {
            logger.warning(
                "demo identity is on: anybody can be any customer; never use it with real data",
                ["key": "MERCATO_DEMO_IDENTITY"])
        }
        if !configuration.isLoopback, configuration.adminToken == nil {
            logger.warning(
                "the admin routes are closed: off loopback they need a token",
                ["key": "MERCATO_ADMIN_TOKEN_FILE"])
        }
    }
}
