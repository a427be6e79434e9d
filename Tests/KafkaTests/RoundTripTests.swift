import Contracts
import Kafka
import Sockets
import Support
import Testing

@Suite struct RoundTripTests {
    @Test func `records come back with key, value, headers and their own partition`() async throws {
        try await Rig.with { rig in try await roundTrip(rig) }
    }

    @Test func `an event wakes the loop: twenty hops take less than one sign of life`()
        async throws
    {
        try await Rig.with { rig in
            var rig = rig
            // The consumer polls by itself every 60 s, so only the eventfd can be this quick.
            rig.configuration.pollTimeout = .seconds(240)
            let (producer, consumer) = (try rig.producer(), try rig.consumer("hops"))
            try await rig.publish(producer, ["first"])
            _ = try await rig.read(consumer, ["first"])
            let start = ContinuousClock.now
            for number in 0..<20 {
                try await rig.publish(producer, ["hop-\(number)"])
                _ = try await rig.read(consumer, ["hop-\(number)"])
            }
            #expect(start.duration(to: .now) < .seconds(30))
            await producer.close()
            await consumer.close()
        }
    }

    @Test func `a stored offset is where the next member goes on`() async throws {
        try await Rig.with { rig in
            let producer = try rig.producer()
            let before = (0..<40).map { "before-\($0)" }
            try await rig.publish(producer, before)
            let first = try rig.consumer("resume")
            _ = try await rig.read(first, before)
            await first.close()

            try await rig.publish(producer, ["after"])
            let second = try rig.consumer("resume")
            let seen = try await rig.read(second, ["after"])
            // Partitions without a record have no stored offset; the others are not read twice.
            #expect(seen.map(\.keyText) == ["after"])
            await second.close()
            await producer.close()
        }
    }

    @Test func `a position beyond the end asks the owner (D9)`() async throws {
        try await Rig.with { rig in
            let (producer, consumer) = (try rig.producer(), try rig.consumer("beyond"))
            try await rig.publish(producer, ["one"])
            let record = try #require(try await rig.read(consumer, ["one"]).first)
            await consumer.seek(record.topicPartition, offset: 1_000_000)
            let place = try await rig.first(consumer) { event in
                if case .resetRequired(record.topicPartition) = event {
                    return record.topicPartition
                }
                return nil
            }
            await consumer.seekToStart([place])
            let again = try await rig.read(consumer, ["one"])
            #expect(again.map(\.offset) == [0])
            #expect(again[0].generation > record.generation)
            await consumer.close()
            await producer.close()
        }
    }

    @Test func `a reader that is slow loses nothing to its bounded buffer`() async throws {
        try await Rig.with { rig in
            var rig = rig
            rig.configuration.consumerBufferRecords = 50
            rig.configuration.consumerBatchRecords = 20
            let (producer, consumer) = (try rig.producer(), try rig.consumer("slow"))
            let texts = (0..<2_000).map { "n-\($0)" }
            for start in stride(from: 0, to: texts.count, by: 100) {
                try await rig.publish(producer, Array(texts[start..<start + 100]))
            }
            let seen = try await rig.read(consumer, texts)
            #expect(Set(seen.map(\.keyText)).count == texts.count)
            #expect(seen.count == texts.count)
            await consumer.close()
            await producer.close()
        }
    }

    @Test func `a paused partition goes on with the record after the last one handed out`()
        async throws
    {
        try await Rig.with { rig in
            let (producer, consumer) = (try rig.producer(), try rig.consumer("pause"))
            try await rig.publish(producer, ["a"])
            let record = try #require(try await rig.read(consumer, ["a"]).first)
            let place = record.topicPartition
            await consumer.pause([place])
            await consumer.pause([place])
            let more = (1..<4).map { number in
                ProducerRecord(
                    topic: place.topic, partition: place.partition, key: Array("a\(number)".utf8),
                    value: [])
            }
            let results = await producer.send(more)
            #expect(results.compactMap { try? $0.get() } == [1, 2, 3])
            await consumer.resume([place])
            let seen = try await rig.read(consumer, ["a1", "a2", "a3"])
            #expect(seen.map(\.offset) == [1, 2, 3])
            #expect(try await consumer.endOffsets([place]) == [place: 4])
            await consumer.close()
            await producer.close()
        }
    }

    @Test func `a record that is too large fails alone and for good`() async throws {
        try await Rig.with { rig in
            var rig = rig
            rig.configuration.largestRecordBytes = 10_000
            let producer = try rig.producer()
            var records = Rig.records(["small", "large", "also small"])
            records[1].value = [UInt8](repeating: 7, count: 20_000)
            let results = await producer.send(records)
            #expect((try? results[0].get()) != nil)
            #expect((try? results[2].get()) != nil)
            guard case .failure(let error) = results[1] else {
                Issue.record("the large record should be refused")
                return
            }
            #expect(error.code == .messageTooLarge && error.isPermanent && !error.isRetriable)
            await producer.close()
            let afterwards = await producer.send(Rig.records(["late"]))
            let closed = KafkaError(.closed, "the producer was closed")
            #expect(afterwards.allSatisfy { $0 == .failure(closed) })
        }
    }

    @Test func `a cancelled send returns although no broker answers`() async throws {
        try await Rig.with { rig in
            let producer = try rig.producer()
            try await rig.broker.kill()
            let sending = Task(executorPreference: rig.loop) {
                await producer.send(Rig.records(["lost"]))
            }
            // The send has begun when the job that was queued after it runs.
            await Task(executorPreference: rig.loop) {}.value
            sending.cancel()
            let results = await sending.value
            guard case .failure(let error) = try #require(results.first) else {
                Issue.record("nobody can have taken the record")
                return
            }
            #expect(error.code == .cancelled && error.isRetriable)
        }
    }
}

/// The same test against the embedded broker and Apache Kafka.
func roundTrip(_ rig: Rig) async throws {
    let (producer, consumer) = (try rig.producer(), try rig.consumer("round-trip"))
    let texts = (0..<100).map { "order-\($0)" }
    let results = await producer.send(Rig.records(texts))
    #expect(results.count == texts.count)
    #expect(results.allSatisfy { if case .success = $0 { true } else { false } })
    let seen = try await rig.read(consumer, texts)
    #expect(seen.count == texts.count)
    for record in seen {
        #expect(record.topic == Rig.topic)
        #expect(record.partition == Murmur2.partition(key: record.key ?? [], count: 12))
        #expect(record.value == Array("value of \(record.keyText)".utf8))
        #expect(record.header("message-id") == record.key)
        #expect(record.header("empty") == [])
        #expect(record.timestampMilliseconds > 0)
    }
    for (_, group) in Dictionary(grouping: seen, by: \.partition) {
        #expect(group.map(\.offset) == Array(0..<Int64(group.count)))
    }
    await producer.close()
    await consumer.close()
}
