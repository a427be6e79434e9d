import Foundation
package import NativeServers

/// The start order of architecture.md §5 as data: PostgreSQL and roles, Redis and broker, topics,
/// provider, services, gateway.
package struct StackPlan: Sendable {
    package let groups: [StartGroup]

    package var steps: [StartStep] { groups.flatMap(\.steps) }

    package init(groups: [StartGroup]) { self.groups = groups }

    /// Makes the folders and secrets; starts nothing.
    package init(_ settings: StackSettings) throws(NativeError) {
        try Self.makeFolders(settings)
        let secrets = try SecretFolder(path: settings.home + "/secrets")
        let environment = ServiceEnvironment(settings: settings)

        var databases: [StartStep] = []
        var services: [StartStep] = []
        // Inventory first: the others ask it, so the group's order is the order of dependence.
        for service in [StackPorts.Service.inventory, .payment, .cart, .order] {
            let name = service.program
            let server = try PostgresServer(
                name: name, port: settings.ports.postgres(service),
                portKey: "MERCATO_PORT_POSTGRES_\(service.rawValue)",
                folder: "\(settings.home)/postgres/\(name)", log: settings.log("postgres-\(name)"),
                secrets: secrets, settings: ["shared_buffers": "64MB"])
            let database = PostgresDatabase(
                name: name, service: name, ownerPassword: try secrets.secret("\(name)_owner"),
                appPassword: try secrets.secret("\(name)_app"))
            databases.append(try Self.database(server, database))
            services.append(
                try Self.service(
                    service, settings,
                    environment.service(
                        service, server: server, database: database, log: settings.log(name))))
        }

        var infrastructure = [
            StartStep(
                try RedisServer.launch(
                    port: settings.ports.redis, portKey: "MERCATO_PORT_REDIS",
                    folder: settings.home + "/redis", log: settings.log("redis")))
        ]
        if let broker = try Self.broker(settings, environment) { infrastructure.append(broker) }
        if case .own(let program) = settings.tracing {
            infrastructure.append(try Self.jaeger(program, settings))
        }
        var messaging = StartGroup(title: "cache and broker", steps: infrastructure)
        let topics = services.first { $0.launch.name == "order" }?.launch
        if settings.broker != .dev, let topics {
            messaging.finish = { try Self.createTopics(topics, $0) }
        }

        groups = [
            StartGroup(title: "databases", steps: databases),
            messaging,
            StartGroup(
                title: "payment provider",
                steps: [
                    try Self.service(
                        .provider, settings,
                        environment.provider(settings.log(StackPorts.Service.provider.program)))
                ]),
            StartGroup(title: "services", steps: services),
            StartGroup(title: "gateway", steps: [try Self.gateway(settings, environment)]),
        ]
    }

    private static func makeFolders(_ settings: StackSettings) throws(NativeError) {
        // PostgreSQL runs as its own account under root, and has to pass through.
        try Folders.make(settings.home, mode: Account.isRoot ? 0o755 : 0o700)
        try Folders.make(settings.home + "/postgres", mode: Account.isRoot ? 0o755 : 0o700)
        for folder in ["run", "log", "redis", "provider"] {
            try Folders.make("\(settings.home)/\(folder)", mode: 0o700)
        }
    }

    private static func database(_ server: PostgresServer, _ database: PostgresDatabase)
        throws(NativeError) -> StartStep
    {
        var step = StartStep(try server.launch)
        step.prepare = { try server.prepare(interruption: $0) }
        step.finish = { try server.ensure(database, interruption: $0) }
        return step
    }

    private static func broker(_ settings: StackSettings, _ environment: ServiceEnvironment)
        throws(NativeError) -> StartStep?
    {
        let key = "MERCATO_PORT_BROKER"
        switch settings.broker {
        case .external: return nil
        case .dev:
            let operations = settings.ports["MERCATO_PORT_DEVBROKER_OPS"]
            var step = StartStep(
                try ServiceProcess.launch(
                    name: "devbroker", kind: .devbroker, binaries: settings.binaries,
                    environment: environment.devBroker(settings.log("devbroker")),
                    port: settings.ports.broker, portKey: key, operationsPort: operations,
                    log: settings.log("devbroker.out"), ownLog: settings.log("devbroker")))
            step.otherPorts = [("MERCATO_PORT_DEVBROKER_OPS", operations)]
            return step
        case .kafka(let home):
            let controllerKey = "MERCATO_PORT_BROKER_CONTROLLER"
            let server = KafkaServer(
                home: home, port: settings.ports.broker, portKey: key,
                controllerPort: settings.ports[controllerKey],
                folder: settings.home + "/kafka", log: settings.log("kafka"))
            var step = StartStep(server.launch)
            step.otherPorts = [(controllerKey, server.controllerPort)]
            step.prepare = { try server.prepare(interruption: $0) }
            return step
        }
    }

    private static func jaeger(_ program: String, _ settings: StackSettings)
        throws(NativeError) -> StartStep
    {
        var step = StartStep(
            try JaegerServer.launch(
                program: program, port: settings.ports.jaeger, portKey: "MERCATO_PORT_JAEGER",
                otlpPort: settings.ports.otlp, folder: settings.home + "/jaeger",
                log: settings.log("jaeger")))
        step.otherPorts = [("MERCATO_PORT_OTLP", settings.ports.otlp)]
        return step
    }

    /// A running stack that was started without a Jaeger is not asked to take one up: its services
    /// would not send to it.
    package func without(_ name: String) -> StackPlan {
        StackPlan(
            groups: groups.map { group in
                var group = group
                group.steps.removeAll { $0.launch.name == name }
                return group
            })
    }

    private static func service(
        _ service: StackPorts.Service, _ settings: StackSettings, _ environment: [String: String]
    ) throws(NativeError) -> StartStep {
        let operations = settings.ports.operations(service)
        var step = StartStep(
            try ServiceProcess.launch(
                name: service.program, binaries: settings.binaries, environment: environment,
                port: settings.ports.api(service), portKey: "MERCATO_PORT_\(service.rawValue)",
                operationsPort: operations, log: settings.log(service.program + ".out"),
                ownLog: settings.log(service.program)))
        step.otherPorts = [("MERCATO_PORT_\(service.rawValue)_OPS", operations)]
        return step
    }

    private static func gateway(_ settings: StackSettings, _ environment: ServiceEnvironment)
        throws(NativeError) -> StartStep
    {
        var step = StartStep(
            try ServiceProcess.launch(
                name: "gateway", binaries: settings.binaries,
                environment: environment.gateway(settings.log("gateway")),
                port: settings.ports.gateway, portKey: "MERCATO_PORT_GATEWAY",
                operationsPort: settings.ports.admin, log: settings.log("gateway.out"),
                ownLog: settings.log("gateway")))
        step.otherPorts = [("MERCATO_PORT_ADMIN", settings.ports.admin)]
        return step
    }

    /// A freshly started Apache Kafka accepts connections a moment before it can make topics, so the
    /// first attempts may fail.
    private static func createTopics(_ order: Launch, _ interruption: Interruption) throws {
        var last: Command.Outcome?
        let made = try interruption.poll(within: .seconds(60), every: .milliseconds(500)) {
            () throws(NativeError) -> Bool in
            let outcome = try Command.run(
                order.program, ["--create-topics"], environment: order.environment,
                limit: .seconds(60), interruption: interruption)
            last = outcome
            return outcome.status == 0
        }
        guard !made else { return }
        let lines = ((last?.output ?? "") + (last?.errors ?? "")).split(separator: "\n")
        throw NativeError(
            .timedOut, "the topics could not be made (order --create-topics)",
            logTail: lines.suffix(15).map(String.init))
    }
}
