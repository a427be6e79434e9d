import Testing

@testable import Kafka

@Suite struct DeliveryTableTests {
    private let gone = KafkaError(.fatal, "gone")

    @Test func `results come in the order of the records, not of the reports`() throws {
        var table = DeliveryTable()
        let batch = table.open(count: 3)
        let tokens = (0..<3).map { table.token(batch: batch, index: $0) }
        let early1 = table.settle(tokens[2], .success(30))
        #expect(early1 == nil)
        let early2 = table.settle(tokens[0], .success(10))
        #expect(early2 == nil)
        let finishedAnswer = table.settle(tokens[1], .failure(gone))
        let finished = try #require(finishedAnswer)
        #expect(finished.batch == batch)
        #expect(finished.outcomes == [.success(10), .failure(gone), .success(30)])
        #expect(table.pending == 0)
    }

    @Test func `a second report of one record changes nothing`() {
        var table = DeliveryTable()
        let batch = table.open(count: 2)
        let token = table.token(batch: batch, index: 0)
        _ = table.token(batch: batch, index: 1)
        let early3 = table.settle(token, .success(1))
        #expect(early3 == nil)
        let early4 = table.settle(token, .success(2))
        #expect(early4 == nil)
        #expect(table.pending == 1)
    }

    @Test func `a token is never zero, which means none to the library`() {
        var table = DeliveryTable()
        let batch = table.open(count: 1)
        let token5 = table.token(batch: batch, index: 0)
        #expect(token5 != 0)
    }

    @Test func `giving up keeps what was reported, and later reports change nothing`() throws {
        var table = DeliveryTable()
        let batch = table.open(count: 2)
        let first = table.token(batch: batch, index: 0)
        let second = table.token(batch: batch, index: 1)
        let early6 = table.settle(first, .success(7))
        #expect(early6 == nil)
        let finishedAnswer = table.giveUp(batch, gone)
        let finished = try #require(finishedAnswer)
        #expect(finished.outcomes == [.success(7), .failure(gone)])
        let early7 = table.settle(second, .success(8))
        #expect(early7 == nil)
        let again8 = table.giveUp(batch, gone)
        #expect(again8 == nil)
        #expect(table.pending == 0)
    }

    @Test func `a lost handle ends every batch in the order they were opened`() {
        var table = DeliveryTable()
        let batches = (0..<5).map { _ in
            let batch = table.open(count: 1)
            _ = table.token(batch: batch, index: 0)
            return batch
        }
        let ended = table.giveUpAll(gone)
        #expect(ended.map(\.batch) == batches)
        #expect(table.pending == 0)
    }
}
