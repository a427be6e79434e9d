import Contracts
import Kafka
import Support
import Testing

@Suite struct TopicAdminTests {
    private let specifications = Topics.all.map {
        TopicSpecification(name: $0.name, partitions: $0.partitions)
    }

    @Test func `topics that exist with the right partitions are left alone`() async throws {
        try await Rig.with { rig in
            try await TopicAdmin.ensure(specifications, rig.configuration)
            #expect(try await TopicAdmin.partitionCount(Rig.topic, rig.configuration) == 12)
            #expect(
                try await TopicAdmin.partitionCount(Topics.canary.name, rig.configuration) == 1)
            #expect(try await TopicAdmin.partitionCount("nobody.knows", rig.configuration) == nil)
        }
    }

    @Test func `another partition count is an error that names the topic (D7)`() async throws {
        try await Rig.with { rig in
            let wrong = TopicSpecification(name: Rig.topic, partitions: 6)
            do {
                try await TopicAdmin.ensure([wrong], rig.configuration)
                Issue.record("twelve partitions are not six")
            } catch let error as KafkaError {
                #expect(error.code == .configuration)
                #expect(error.message == "topic \(Rig.topic) has 12 partitions, expected 6")
            }
        }
    }
}
