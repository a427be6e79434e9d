import Basics
package import Configuration
import Contracts
import Kafka

/// `order --create-topics`: makes every topic of Mercato that is missing, and checks the others.
package enum TopicCreation {
    /// How long a topic's records are kept, in milliseconds: as long as the outbox (D6).
    static let retentionMilliseconds = "604800000"

    package static func run(_ environment: EnvironmentReader) async throws {
        var kafka = KafkaConfiguration(
            bootstrapServers: try environment.text(
                "KAFKA_BOOTSTRAP_SERVERS", default: "127.0.0.1:19092"),
            clientID: "create-topics")
        kafka.adminTimeout = try environment.milliseconds(
            "MERCATO_TOPICS_TIMEOUT_MS", default: .seconds(60), in: .seconds(1) ... .seconds(600))
        try await TopicAdmin.ensure(Topics.all.map(specification), kafka)
    }

    static func specification(of topic: Topic) -> TopicSpecification {
        TopicSpecification(
            name: topic.name, partitions: topic.partitions,
            configuration: topic.isCompacted
                ? ["cleanup.policy": "compact"] : ["retention.ms": retentionMilliseconds])
    }
}
