import Basics
import HTTP
import HTTPClient
package import ServiceKit
import Telemetry

/// The gateway: composition root and table of contents.
///
/// Public port: the pages, and every route of `PublicRoute.all`. Admin port (also its operations
/// port): `/admin/status`, `/admin/policies`, `/admin/breakers/{upstream}`,
/// `/admin/{service}/{rest...}`.
package enum GatewayApplication {
    package static let name = "gateway"
    /// Where probes, metrics and operators ask.
    package static let adminPort = GatewayConfiguration.adminPortSetting

    package static func compose(_ context: ServiceContext) throws -> Composition {
        let configuration = try GatewayConfiguration(context.environment)
        warn(about: configuration, context.logger)

        var api = Router()
        WebPages.add(to: &api)
        let routes = api.table + PublicRoute.all.map { ($0.method, $0.pattern) }
        let policies = try GatewayPolicies(
            context, configuration, routes: routes.map { "\($0.method.text) \($0.pattern)" }.sorted())
        for layer in pipeline(context, configuration, policies) { api.use(layer) }
        let upstreams = Upstreams(context, configuration, policies)
        for route in PublicRoute.all {
            api.on(
                route.method, route.pattern, bodyLimit: PublicRoute.bodyLimit,
                upstreams.forwarder(for: route).handler)
        }

        var operations = Router()
        operations.use(AdminToken(configuration).middleware)
        AdminRoutes(context, configuration).add(to: &operations)
        PolicyRoutes(policies: policies).add(to: &operations)

        return Composition(
            api: api, operations: operations, apiPort: configuration.apiPort,
            apiTLS: configuration.tls,
            operationsPort: configuration.adminPort, apiPortKey: GatewayConfiguration.apiPortKey,
            operationsPortKey: GatewayConfiguration.adminPortSetting.key,
            services: policies.services)
    }

    /// What happens to every request, outermost first; the last step, the route's handler, forwards
    /// (gateway.md §1).
    static func pipeline(
        _ context: ServiceContext, _ configuration: GatewayConfiguration, _ policies: GatewayPolicies
    ) -> [Middleware] {
        let limits = policies.file.limits
        return [
            // Whose request it is, before the field that may say so is dropped.
            ClientAddress(trusted: policies.file.trustedProxies).middleware,
            // Drop what the outside must not say, and bound the time it may ask for.
            RequestHygiene.middleware(routeTimeout: configuration.routeTimeout),
        ]
            // Request id, trace context, access log, no believed caller, deadline.
            + standardMiddleware(
                context, trustsCaller: false, defaultTimeout: configuration.routeTimeout)
            + [
                // How much one address may ask for, before anything that costs more.
                RateLimit(.ip, of: limits, limiter: policies.limiter, random: context.random).middleware,
                // Who is asking. A signed token is to be checked here.
                Identity(isDemo: configuration.demoIdentity).middleware,
                // How much one customer may ask for.
                RateLimit(.customer, of: limits, limiter: policies.limiter, random: context.random)
                    .middleware,
                // Priorities and load shedding belong here.
            ]
        // Forward: see Forwarder. Around its one call belong retries with their budget; within each
        // try come the choice of a host, the bulkhead's permit, the breaker's permit, and the call.
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
