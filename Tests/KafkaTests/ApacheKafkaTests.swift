import Contracts
import Kafka
import Support
import Testing

/// What the embedded broker cannot prove, against a real one found by `KAFKA_HOME`.
@Suite(.serialized, .enabled(if: ScratchBroker.kafkaHome != nil, "KAFKA_HOME is not set"))
struct ApacheKafkaTests {
    @Test func `topics are made once, and records come back as from the embedded broker`()
        async throws
    {
        try await Rig.with(.kafka) { rig in
            var rig = rig
            rig.configuration.adminTimeout = .seconds(30)
            let topics = Topics.all.map { topic in
                TopicSpecification(
                    name: topic.name, partitions: topic.partitions,
                    configuration: topic.isCompacted ? ["cleanup.policy": "compact"] : [:])
            }
            try await TopicAdmin.ensure(topics, rig.configuration)
            try await TopicAdmin.ensure(topics, rig.configuration)
            try await roundTrip(rig)
            #expect(
                try await TopicAdmin.partitionCount(Topics.canary.name, rig.configuration) == 1)

            let producer = try rig.producer()
            let canary = ProducerRecord(
                topic: Topics.canary.name, partition: 0, key: Array("order".utf8), value: [1])
            #expect((try? await producer.send([canary])[0].get()) == 0)
            let before = try await ClusterProbe.look(
                rig.configuration, canaryTopic: Topics.canary.name, key: "order")
            #expect(before.canary == [1])

            // kill -9 of a real broker keeps the log: nothing is a new epoch.
            try await rig.broker.kill()
            try await rig.broker.restart()
            let after = try await ClusterProbe.look(
                rig.configuration, canaryTopic: Topics.canary.name, key: "order")
            #expect(after == before)
            let consumer = try rig.consumer("afterwards")
            try await rig.publish(producer, ["after the restart"])
            _ = try await rig.read(consumer, ["after the restart"])
            await producer.close()
            await consumer.close()
        }
    }

    @Test func `a revocation commits what is stored before it lets the partitions go (D8)`()
        async throws
    {
        try await Rig.with(.kafka) { rig in
            var rig = rig
            rig.configuration.adminTimeout = .seconds(30)
            // Only the revocation itself can have committed anything.
            rig.configuration.commitInterval = .seconds(600)
            try await TopicAdmin.ensure(
                [TopicSpecification(name: Rig.topic, partitions: 12)], rig.configuration)
            try await twoMembers(rig, commitBeforehand: false)
        }
    }
}
