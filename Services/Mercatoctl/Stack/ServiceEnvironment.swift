import Basics
import NativeServers

/// The environment of the services: ports, peers, databases, broker, and whatever `MERCATO_…` the
/// caller has set (time-outs, log level).
struct ServiceEnvironment {
    let settings: StackSettings

    /// What all of them get.
    private func common(_ log: String) -> [String: String] {
        var values = settings.environment.filter {
            $0.key.hasPrefix("MERCATO_") && $0.key != "MERCATO_BIN" && $0.key != "MERCATO_ONLY"
                && !$0.value.isEmpty
        }
        values.merge(settings.openTelemetry) { $1 }
        values["MERCATO_HOST"] = "127.0.0.1"
        values.merge(settings.ports.environment) { $1 }
        for service in StackPorts.Service.allCases {
            values["MERCATO_URL_\(service.rawValue)"] =
                "http://127.0.0.1:\(settings.ports.api(service))"
            values["MERCATO_OPS_URL_\(service.rawValue)"] =
                "http://127.0.0.1:\(settings.ports.operations(service))"
        }
        values["MERCATO_REDIS_URL"] = "redis://127.0.0.1:\(settings.ports.redis)"
        values["KAFKA_BOOTSTRAP_SERVERS"] = settings.bootstrapServers
        values["MERCATO_BROKER"] = settings.broker == .dev ? "dev" : "kafka"
        // On one machine for one person; the services warn about it when they start.
        values["MERCATO_DEMO_IDENTITY"] = settings.environment["MERCATO_DEMO_IDENTITY"] ?? "on"
        values["MERCATO_LOG_FILE"] = log
        return values
    }

    func gateway(_ log: String) -> [String: String] {
        var values = common(log)
        // Gateway's operations listener is its admin port.
        values["MERCATO_PORT_GATEWAY_OPS"] = String(settings.ports.admin)
        return values
    }

    func provider(_ log: String) -> [String: String] {
        var values = common(log)
        values["MERCATO_PROVIDER_JOURNAL"] = settings.home + "/provider/journal.jsonl"
        return values
    }

    func devBroker(_ log: String) -> [String: String] { common(log) }

    func service(
        _ service: StackPorts.Service, server: PostgresServer, database: PostgresDatabase,
        log: String
    ) -> [String: String] {
        var values = common(log)
        values["MERCATO_DATABASE_URL"] =
            server.conninfo(
                database: database.name, user: database.app, password: database.appPassword
            ).reveal()
        values["MERCATO_DATABASE_OWNER_URL"] =
            server.conninfo(
                database: database.name, user: database.owner, password: database.ownerPassword
            ).reveal()
        // The name is stable here, so a restarted consumer gets its partitions back at once (KIP-345).
        values["MERCATO_INSTANCE"] = "\(service.program)-1"
        return values
    }
}
