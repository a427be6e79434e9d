import Basics
import Configuration
import HTTP
package import ServiceKit
import Telemetry

/// The payment company: composition root and table of contents.
///
/// API: POST /v1/authorizations /v1/captures /v1/voids /v1/refunds /v1/cancellations,
/// GET /v1/operations. Operations port: PUT and GET /internal/faults, GET /internal/audit.
package enum ProviderApplication {
    package static let name = "payment-provider"
    /// Where probes, metrics and operators ask.
    package static let operationsPort = ProviderConfiguration.operationsPortSetting

    /// Opens the journal and rebuilds the books from it before anything is served.
    package static func compose(_ context: ServiceContext) throws -> Composition {
        let configuration = try ProviderConfiguration(context.environment)
        let desk = try open(configuration, context)

        var api = Router()
        // Not a service of Mercato: no customer is believed, and no deadline of ours rules its work.
        for middleware in standardMiddleware(
            context, trustsCaller: false, defaultTimeout: configuration.hold * 2)
        { api.use(middleware) }
        MoneyRoutes(desk: desk).add(to: &api)
        QueryRoute(desk: desk).add(to: &api)

        var operations = Router()
        OperatorRoutes(desk: desk).add(to: &operations)

        return Composition(
            api: api, operations: operations, apiPort: configuration.apiPort,
            operationsPort: configuration.operationsPort,
            apiPortKey: ProviderConfiguration.apiPortKey,
            operationsPortKey: ProviderConfiguration.operationsPortSetting.key)
    }

    /// The desk over the journal at the configured path; also used by tests.
    static func open(_ configuration: ProviderConfiguration, _ context: ServiceContext) throws
        -> ProviderDesk
    {
        let opened: JournalFile.Opened
        do {
            opened = try JournalFile.open(configuration.journal)
        } catch {
            throw ExitError.configuration(
                "the journal cannot be used; MERCATO_PROVIDER_JOURNAL names it", underlying: error)
        }
        if opened.cut > 0 {
            context.logger.warning(
                "torn last line of the journal cut off",
                ["bytes": .init(opened.cut), "entries": .init(opened.entries.count)])
        }
        context.logger.info("journal replayed", ["entries": .init(opened.entries.count)])
        let writer = JournalWriter(path: configuration.journal, descriptor: opened.descriptor)
        writer.start()
        return ProviderDesk(
            entries: opened.entries, writer: writer, hold: configuration.hold, loop: context.loop,
            logger: context.logger, metrics: context.metrics)
    }
}
