package import Basics
package import Configuration
import Kafka
package import Messaging
package import Postgres

/// What every service with a database and a broker reads from its environment. One table, so that
/// `MERCATO_DATABASE_URL` means the same everywhere.
///
/// | key | default | range |
/// |---|---|---|
/// | `MERCATO_DATABASE_URL` | – | libpq conninfo or URI of `<service>_app` |
/// | `MERCATO_DATABASE_OWNER_URL` | – | the same of `<service>_owner`; only migrations use it |
/// | `MERCATO_DATABASE_PASSWORD`, `MERCATO_DATABASE_OWNER_PASSWORD` | none | joined to the address |
/// | `MERCATO_DATABASE_POOL` | 12 | 2–200 connections |
/// | `KAFKA_BOOTSTRAP_SERVERS` | `127.0.0.1:19092` | |
/// | `MERCATO_BROKER` | `dev` | `dev`, `kafka`: which fetch profile (D8) |
/// | `MERCATO_INSTANCE` | none | a stable instance name, for static membership |
/// | `MERCATO_OUTBOX_AGE_MAX_MS` | 30 000 | 1 000–3 600 000 |
/// | `MERCATO_OUTBOX_POLL_MS` | 200 | 10–10 000 |
/// | `MERCATO_EPOCH_PROBE_MS` | 5 000 | 200–600 000 |
package struct DurableSettings: Sendable {
    package let pool: PoolConfiguration
    package let owner: Secret<String>
    package let messaging: ServiceMessaging.Settings

    package static func read(_ environment: EnvironmentReader, service: String)
        throws(ConfigurationError) -> DurableSettings
    {
        let application = try DatabaseAddress.read(
            environment, url: "MERCATO_DATABASE_URL", password: "MERCATO_DATABASE_PASSWORD")
        let owner = try DatabaseAddress.read(
            environment, url: "MERCATO_DATABASE_OWNER_URL",
            password: "MERCATO_DATABASE_OWNER_PASSWORD")
        let size = try environment.integer("MERCATO_DATABASE_POOL", default: 12, in: 2...200)
        let broker = try environment.choice(
            "MERCATO_BROKER", default: "dev", of: ["dev", "kafka"])
        var messaging = ServiceMessaging.Settings(
            service: service,
            kafka: KafkaConfiguration(
                bootstrapServers: try environment.text(
                    "KAFKA_BOOTSTRAP_SERVERS", default: "127.0.0.1:19092"),
                clientID: service, isMock: broker == "dev"))
        // The embedded broker parses the instance id and ignores it.
        messaging.instanceID =
            broker == "kafka"
            ? environment.optionalText("MERCATO_INSTANCE").map { "\(service)-\($0)" } : nil
        messaging.outboxAgeMax = try environment.milliseconds(
            "MERCATO_OUTBOX_AGE_MAX_MS", default: .seconds(30), in: .seconds(1) ... .seconds(3600))
        messaging.relay.pollInterval = try environment.milliseconds(
            "MERCATO_OUTBOX_POLL_MS", default: .milliseconds(200),
            in: .milliseconds(10) ... .seconds(10))
        messaging.probeInterval = try environment.milliseconds(
            "MERCATO_EPOCH_PROBE_MS", default: .seconds(5),
            in: .milliseconds(200) ... .seconds(600))
        return DurableSettings(
            pool: PoolConfiguration(conninfo: application, name: service, sizeMax: size),
            owner: owner, messaging: messaging)
    }
}
