import Contracts
package import HTTP
import Kafka
package import Messaging
package import Postgres
package import ServiceKit
import Sockets
import Telemetry

/// The frame of a service that owns a database and speaks Kafka: pool, migrations, messaging and
/// what `/readyz` says of them. A service adds its tables, routes, handlers and consumers.
package struct DurableService: Sendable {
    package let context: ServiceContext
    package let pool: Pool
    package let messaging: ServiceMessaging
    private let settings: DurableSettings
    private let migrations: [Migration]

    /// Names of the readiness checks, as `/readyz` shows them.
    package enum Check {
        package static let database = "postgres"
        package static let messaging = "kafka"
    }

    /// `migrations` are the service's own (and its modules'); Messaging's run before them.
    /// `refill` is what a new broker epoch needs (D9): each statement is repeated until it changes
    /// nothing.
    package init(
        _ context: ServiceContext, migrations: [Migration], refill: [Statement] = []
    ) throws {
        var settings = try DurableSettings.read(context.environment, service: context.name)
        var messaging = settings.messaging
        messaging.refill = refill
        settings = DurableSettings(
            pool: settings.pool, owner: settings.owner, messaging: messaging)
        self.context = context
        self.settings = settings
        self.migrations = ServiceMessaging.migrations + migrations
        pool = Pool(
            configuration: settings.pool, loop: context.loop, logger: context.logger,
            metrics: context.metrics, tracer: context.tracer)
        self.messaging = try ServiceMessaging(
            messaging, pool: pool, loop: context.loop, logger: context.logger,
            metrics: context.metrics, tracer: context.tracer)
    }

    /// For `Composition.foundations`.
    package var foundations: [any LongRunning] {
        let pool = pool
        return [LongRunningTask("postgres-pool") { try await pool.run() }]
    }

    /// For `Composition.prepare`: waits for PostgreSQL, then migrates as the owner.
    package func prepare() async throws {
        try await waitUntilReady(Check.database, context: context) {
            do {
                try await Migrator.migrate(
                    ownerConnection: settings.owner, migrations: migrations, loop: context.loop,
                    logger: context.logger)
            } catch let error as MigrationError {
                throw ExitError.configuration("migration failed", underlying: error)
            }
            try await messaging.prepare()
        }
        try await checkTopics()
    }

    /// For `Composition.services`: relay, epochs, partitions, consumers, and the readiness pump.
    package func tasks(consumers: [TopicConsumer] = []) -> [any LongRunning] {
        var tasks: [any LongRunning] = messaging.tasks.map { LongRunningTask($0.name, $0.run) }
        for consumer in consumers {
            tasks.append(LongRunningTask("consumer") { try await consumer.run() })
        }
        tasks.append(LongRunningTask("readiness") { try await watchHealth() })
        return tasks
    }

    /// For `Router.reportErrors`: what a handler could not turn into a problem document itself.
    package func reportError(_ error: any Error, _ request: Request) {
        context.logger.error(
            "request failed",
            [
                "error": .init(describing: error),
                "route": .string(request.context.routePattern ?? ""),
                "request_id": .string(request.context.requestID),
            ])
    }

    /// A topic of another partition count would send keys elsewhere: refuse to start (D7). A broker
    /// that is away, or a topic that is still to be made, is no reason to wait.
    private func checkTopics() async throws {
        var kafka = settings.messaging.kafka
        kafka.adminTimeout = .seconds(2)
        for topic in Topics.business {
            let count: Int32?
            do {
                count = try await TopicAdmin.partitionCount(topic.name, kafka)
            } catch {
                context.logger.notice(
                    "topics not checked", ["error": .string("\(error)")])
                return
            }
            if let count, count != topic.partitions {
                throw ExitError.configuration(
                    "topic \(topic.name) has \(count) partitions, not \(topic.partitions): it was "
                        + "not made by Mercato; make it anew with 'order --create-topics'")
            }
        }
    }

    /// Shows what the database and the broker do now; both can come and go while we run.
    private func watchHealth() async throws {
        while true {
            switch await messaging.health() {
            case .ready: context.readiness.set(Check.messaging, .ready)
            case .degraded(let cause): context.readiness.set(Check.messaging, .degraded(cause))
            case .failed(let cause): context.readiness.set(Check.messaging, .notReady(cause))
            }
            do {
                // Asks what the metrics need anyway: an answer is all that readiness wants.
                try await messaging.measure()
                context.readiness.set(Check.database, .ready)
            } catch {
                context.readiness.set(Check.database, .notReady("\(error)"))
            }
            try await context.loop.sleep(for: .seconds(1))
        }
    }
}
