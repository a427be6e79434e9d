internal import Basics

/// The property lists that the C clients are made with: pure, so a test can read them.
struct ClientOptions: Sendable, Equatable {
    enum Role: Sendable { case producer, consumer }

    struct Option: Sendable, Equatable {
        let name: String
        let value: String
        /// A build of the library without it is fine (a codec, for instance).
        var isOptional = false
    }

    let role: Role
    private(set) var options: [Option]
    /// Topics to learn about as soon as there is a broker.
    private(set) var topics: [String] = []

    subscript(_ name: String) -> String? { options.last { $0.name == name }?.value }

    private mutating func set(_ name: String, _ value: String) {
        options.append(Option(name: name, value: value))
    }

    private mutating func set(_ name: String, _ value: Duration) {
        set(name, String(value.inMilliseconds))
    }

    private static func common(_ role: Role, _ configuration: KafkaConfiguration) -> ClientOptions {
        var list = ClientOptions(role: role, options: [])
        list.set("bootstrap.servers", configuration.bootstrapServers)
        list.set("client.id", configuration.clientID)
        // Log lines arrive as events on our queue instead of on standard error.
        list.set("log.queue", "true")
        list.set("log.connection.close", "false")
        list.set("socket.nagle.disable", "true")
        list.set("reconnect.backoff.ms", "100")
        list.set("reconnect.backoff.max.ms", "1000")
        return list
    }

    /// D5: idempotence keeps order across the library's retries; nothing more is asked of it.
    static func producer(_ configuration: KafkaConfiguration) -> ClientOptions {
        var list = common(.producer, configuration)
        list.set("enable.idempotence", "true")
        list.set("acks", "all")
        list.set("linger.ms", configuration.linger)
        list.set("message.timeout.ms", configuration.messageTimeout)
        list.set("queue.buffering.max.messages", String(configuration.producerQueueRecords))
        list.set("queue.buffering.max.kbytes", String(configuration.producerQueueKibibytes))
        list.set("message.max.bytes", String(configuration.largestRecordBytes))
        list.options.append(Option(name: "compression.codec", value: "lz4", isOptional: true))
        list.topics = configuration.producedTopics
        return list
    }

    /// D8, line by line.
    static func consumer(
        _ configuration: KafkaConfiguration, group: String, instanceID: String?
    ) -> ClientOptions {
        var list = common(.consumer, configuration)
        list.set("group.id", group)
        if let instanceID { list.set("group.instance.id", instanceID) }
        list.set("enable.auto.offset.store", "false")
        list.set("enable.auto.commit", "true")
        list.set("auto.commit.interval.ms", configuration.commitInterval)
        list.set("auto.offset.reset", "error")
        list.set("partition.assignment.strategy", "range")
        list.set("session.timeout.ms", configuration.sessionTimeout)
        list.set("heartbeat.interval.ms", configuration.heartbeatInterval)
        list.set("max.poll.interval.ms", configuration.pollTimeout)
        list.set("queued.min.messages", "1000")
        list.set("queued.max.messages.kbytes", "8192")
        // The library also backs off by this much when its own queue is full, so it stays short.
        list.set("fetch.error.backoff.ms", "100")
        if configuration.isMock { list.set("fetch.wait.max.ms", "5") }
        return list
    }

    /// A short-lived reader without a group.
    static func probe(_ configuration: KafkaConfiguration) -> ClientOptions {
        var list = common(.consumer, configuration)
        list.set("group.id", "\(configuration.clientID)-probe")
        list.set("enable.auto.commit", "false")
        list.set("enable.auto.offset.store", "false")
        list.set("enable.partition.eof", "true")
        list.set("fetch.wait.max.ms", configuration.isMock ? "5" : "100")
        return list
    }

    /// A short-lived client for metadata and topic creation.
    static func admin(_ configuration: KafkaConfiguration) -> ClientOptions {
        common(.producer, configuration)
    }
}
