import Testing

@testable import Kafka

@Suite struct ClientOptionsTests {
    private let mock = KafkaConfiguration(
        bootstrapServers: "127.0.0.1:1", clientID: "order", isMock: true)

    @Test func `the consumer has the profile of D8`() {
        let options = ClientOptions.consumer(mock, group: "order", instanceID: "order-1")
        #expect(options["enable.auto.offset.store"] == "false")
        #expect(options["enable.auto.commit"] == "true")
        #expect(options["auto.offset.reset"] == "error")
        #expect(options["partition.assignment.strategy"] == "range")
        #expect(options["session.timeout.ms"] == "6000")
        #expect(options["heartbeat.interval.ms"] == "2000")
        #expect(options["reconnect.backoff.max.ms"] == "1000")
        #expect(options["group.instance.id"] == "order-1")
        #expect(options["fetch.wait.max.ms"] == "5")
    }

    @Test func `a real broker holds fetches itself, and a nameless member has no instance`() {
        var real = mock
        real.isMock = false
        let options = ClientOptions.consumer(real, group: "order", instanceID: nil)
        #expect(options["fetch.wait.max.ms"] == nil)
        #expect(options["group.instance.id"] == nil)
    }

    @Test func `the producer is idempotent and waits for no batch (D5)`() {
        let options = ClientOptions.producer(mock)
        #expect(options["enable.idempotence"] == "true")
        #expect(options["acks"] == "all")
        #expect(options["linger.ms"] == "0")
        #expect(options["log.queue"] == "true")
    }

    @Test func `a wrong property is an error that names it`() {
        var wrong = mock
        wrong.heartbeatInterval = .seconds(-1)
        do {
            _ = try Client(.consumer(wrong, group: "g", instanceID: nil))
            Issue.record("a negative interval should be refused")
        } catch {
            #expect(error.code == .configuration)
            #expect(error.message.contains("heartbeat.interval.ms"))
        }
    }
}

@Suite struct ProducedTopicsTests {
    @Test func `only a producer asks for its topics at the start`() {
        var configuration = KafkaConfiguration(bootstrapServers: "127.0.0.1:1", clientID: "c")
        configuration.producedTopics = ["a", "b"]
        #expect(ClientOptions.producer(configuration).topics == ["a", "b"])
        let consumer = ClientOptions.consumer(configuration, group: "g", instanceID: nil)
        #expect(consumer.topics.isEmpty)
    }
}
