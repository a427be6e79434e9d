import Contracts
import Sockets
import Support
import Testing

@testable import Kafka

@Suite struct RestartTests {
    @Test func `a killed and restarted broker gets its producer and its consumer back`()
        async throws
    {
        try await Rig.with { rig in
            let (producer, consumer) = (try rig.producer(), try rig.consumer("survivor"))
            let before = (0..<60).map { "before-\($0)" }
            try await rig.publish(producer, before)
            _ = try await rig.read(consumer, before)

            try await rig.broker.kill()
            try await rig.broker.restart()
            let restarted = ContinuousClock.now
            try await rig.publish(producer, ["after-0"])
            #expect(restarted.duration(to: .now) < .seconds(20))
            // The new log is empty, so the old positions lie beyond its end: the owner is asked,
            // and reads from the start.
            _ = try await rig.read(consumer, ["after-0"])
            #expect(restarted.duration(to: .now) < .seconds(45))

            // And it goes on: every partition, not only the one that was asked for first.
            let later = (0..<60).map { "later-\($0)" }
            try await rig.publish(producer, later)
            _ = try await rig.read(consumer, later)
            await producer.close()
            await consumer.close()
        }
    }

    @Test func `clients that come back at once do not spoil the topics of a restarted broker`()
        async throws
    {
        try await Rig.with { rig in
            let producers = try (0..<4).map { _ in try rig.producer() }
            for round in 0..<3 {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (index, producer) in producers.enumerated() {
                        let texts = (0..<30).map { "\(round)-\(index)-\($0)" }
                        group.addTask { try await rig.publish(producer, texts) }
                    }
                    try await rig.broker.kill()
                    try await rig.broker.restart()
                    try await group.waitForAll()
                }
                // One that it invents for a client has four partitions.
                let count = try await TopicAdmin.partitionCount(Rig.topic, rig.configuration)
                #expect(count == 12)
            }
            for producer in producers { await producer.close() }
        }
    }

    @Test func `a fatal error costs the producer its handle, not its life`() async throws {
        try await Rig.with { rig in
            let producer = try rig.producer()
            try await rig.publish(producer, ["before"])
            await producer.simulateFatalError()
            let results = await producer.send(Rig.records(["during"]))
            if case .failure(let error) = results[0] { #expect(error.isRetriable) }
            try await rig.publish(producer, ["after"])
            let consumer = try rig.consumer("fatal")
            _ = try await rig.read(consumer, ["before", "after"])
            await producer.close()
            await consumer.close()
        }
    }

    @Test func `a consumer without a broker says so`() async throws {
        try await Rig.with { rig in
            let (producer, consumer) = (try rig.producer(), try rig.consumer("alone"))
            try await rig.publish(producer, ["one"])
            _ = try await rig.read(consumer, ["one"])
            try await rig.broker.kill()
            let isTold = try await rig.first(consumer) { event in
                if case .disconnected = event { true } else { nil }
            }
            #expect(isTold)
            try await rig.broker.restart()
            await consumer.close()
            await producer.close()
        }
    }

    @Test func `a restarted broker shows as another cluster or a missing canary (D9)`()
        async throws
    {
        try await Rig.with { rig in
            let canary = Topics.canary.name
            func look() async throws -> ClusterView {
                try await ClusterProbe.look(rig.configuration, canaryTopic: canary, key: "order")
            }
            let fresh = try await look()
            #expect(fresh.canary == nil)
            let producer = try rig.producer()
            for (key, value) in [("order", "1"), ("cart", "9"), ("order", "2"), ("cart", "10")] {
                let results = await producer.send([
                    ProducerRecord(
                        topic: canary, partition: 0, key: Array(key.utf8), value: Array(value.utf8))
                ])
                #expect((try? results[0].get()) != nil)
            }
            let known = try await look()
            #expect(known == ClusterView(clusterID: fresh.clusterID, canary: Array("2".utf8)))

            try await rig.broker.kill()
            try await rig.broker.restart()
            let reborn = try await look()
            #expect(reborn != known)
            #expect(reborn.canary == nil)
            await producer.close()
        }
    }

    @Test func `a probe of no broker fails in time`() async throws {
        var configuration = KafkaConfiguration(
            bootstrapServers: "127.0.0.1:1", clientID: "test", isMock: true)
        configuration.adminTimeout = .milliseconds(300)
        await #expect(throws: KafkaError.self) {
            try await ClusterProbe.look(
                configuration, canaryTopic: Topics.canary.name, key: "order")
        }
    }
}
