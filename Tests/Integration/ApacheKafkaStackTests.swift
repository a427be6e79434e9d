import Support
import Testing

/// The promises that the embedded broker cannot prove, on a real Apache Kafka (correctness.md §6.4).
@Suite(.serialized, .enabled(if: ScratchBroker.kafkaHome != nil, "needs Apache Kafka: set KAFKA_HOME"))
struct ApacheKafkaStackTests {
    @Test func `kill -9 of Apache Kafka under 50 orders loses none`() async throws {
        try await WholeStack.alone {
            let stack = try await WholeStack.start(broker: .kafka)
            try await TestLoop.run { loop in
                let shop = ShopClient(stack.publicURL, loop: loop)
                try await Fault.kill("kafka", in: stack, shop)
            }
            let complaint = try await stack.check()
            try await stack.down()
            #expect(complaint == nil, "\(complaint ?? "")")
        }
    }
}
