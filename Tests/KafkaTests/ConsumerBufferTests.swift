import Testing

@testable import Kafka

@Suite struct ConsumerBufferTests {
    private func record(_ partition: Int32, _ offset: Int64) -> ConsumedRecord {
        ConsumedRecord(topic: "t", partition: partition, offset: offset, value: [1, 2, 3])
    }

    private func offsets(_ event: ConsumerEvent?) -> [Int64] {
        guard case .records(let records)? = event else { return [] }
        return records.map(\.offset)
    }

    @Test func `events keep their place between records`() {
        var buffer = ConsumerBuffer()
        buffer.append(record(0, 1))
        buffer.append(record(0, 2))
        buffer.append(.revoked([TopicPartition("t", 1)]))
        buffer.append(record(0, 3))
        let batch1 = offsets(buffer.next(limit: 10))
        #expect(batch1 == [1, 2])
        guard case .revoked? = buffer.next(limit: 10) else {
            Issue.record("the revocation should come second")
            return
        }
        let batch2 = offsets(buffer.next(limit: 10))
        #expect(batch2 == [3])
        let event3 = buffer.next(limit: 10)
        #expect(event3 == nil)
    }

    @Test func `a batch ends at its limit, and the counts follow`() {
        var buffer = ConsumerBuffer()
        for offset in Int64(0)..<5 { buffer.append(record(0, offset)) }
        let weight = record(0, 0).weight
        #expect(buffer.records == 5 && buffer.bytes == 5 * weight)
        let batch4 = offsets(buffer.next(limit: 3))
        #expect(batch4 == [0, 1, 2])
        #expect(buffer.records == 2 && buffer.bytes == 2 * weight)
        let batch5 = offsets(buffer.next(limit: 3))
        #expect(batch5 == [3, 4])
        #expect(buffer.records == 0 && buffer.bytes == 0)
    }

    @Test func `discarding tells where each partition must be read again`() {
        var buffer = ConsumerBuffer()
        buffer.append(record(0, 7))
        buffer.append(record(1, 3))
        buffer.append(record(0, 8))
        buffer.append(.resetRequired(TopicPartition("t", 0)))
        let dropped6 = buffer.discard([TopicPartition("t", 0)])
        #expect(dropped6 == [TopicPartition("t", 0): 7])
        #expect(buffer.records == 1)
        let batch7 = offsets(buffer.next(limit: 10))
        #expect(batch7 == [3])
        let event8 = buffer.next(limit: 10)
        #expect(event8 == nil)
    }

    @Test func `errors of a missing broker are told once in a row`() {
        var buffer = ConsumerBuffer()
        buffer.appendDisconnected()
        buffer.appendDisconnected()
        let event9 = buffer.next(limit: 1)
        #expect(event9 != nil)
        let event10 = buffer.next(limit: 1)
        #expect(event10 == nil)
        buffer.appendDisconnected()
        let event11 = buffer.next(limit: 1)
        #expect(event11 != nil)
    }

    @Test func `many records pass through in order`() {
        var buffer = ConsumerBuffer()
        var read: [Int64] = []
        for offset in Int64(0)..<5_000 {
            buffer.append(record(0, offset))
            if offset % 3 == 0 { read += offsets(buffer.next(limit: 2)) }
        }
        while let event = buffer.next(limit: 100) { read += offsets(event) }
        #expect(read == Array(0..<5_000))
    }

    @Test func `an error that repeats is kept once, a fatal one always`() {
        var buffer = ConsumerBuffer()
        for _ in 0..<1_000 { buffer.append(error: KafkaError(.other, "again")) }
        buffer.append(error: KafkaError(.fatal, "over"))
        buffer.append(error: KafkaError(.fatal, "over"))
        var seen = 0
        while buffer.next(limit: 10) != nil { seen += 1 }
        #expect(seen == 3)
    }
}
