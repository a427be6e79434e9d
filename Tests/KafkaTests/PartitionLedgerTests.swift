import Testing

@testable import Kafka

@Suite struct PartitionLedgerTests {
    private let place = TopicPartition("t", 3)

    private func record(_ offset: Int64) -> ConsumedRecord {
        ConsumedRecord(topic: "t", partition: 3, offset: offset)
    }

    @Test func `records of a partition that is not owned are dropped (D8)`() {
        var ledger = PartitionLedger()
        let admitted1 = ledger.admit(record(0))
        #expect(admitted1 == nil)
        ledger.assign([place])
        let admitted2 = ledger.admit(record(0))
        #expect(admitted2 != nil)
        ledger.revoke([place])
        let admitted3 = ledger.admit(record(1))
        #expect(admitted3 == nil)
    }

    @Test func `an offset is stored only in the stay that delivered it (D8)`() throws {
        var ledger = PartitionLedger()
        ledger.assign([place])
        let firstAnswer = ledger.admit(record(41))
        let first = try #require(firstAnswer)
        ledger.handOut(first)
        #expect(ledger.mayStore(place, nextOffset: 42, generation: first.generation))
        ledger.revoke([place])
        #expect(!ledger.mayStore(place, nextOffset: 42, generation: first.generation))
        ledger.assign([place])
        #expect(!ledger.mayStore(place, nextOffset: 42, generation: first.generation))
        #expect(!ledger.mayStore(place, nextOffset: 42, generation: nil))
    }

    @Test func `what is settled begins at the group's offset and follows the owner`() {
        var ledger = PartitionLedger()
        ledger.begins(place, at: 7)
        #expect(ledger.settledUpTo(place) == nil, "not owned")
        ledger.assign([place])
        #expect(ledger.settledUpTo(place) == nil)
        ledger.begins(place, at: 7)
        ledger.settled(place, upTo: 9)
        ledger.begins(place, at: 7)
        #expect(ledger.settledUpTo(place) == 9)
        ledger.move(place, to: nil)
        #expect((ledger.settledUpTo(place) ?? 0) < 0, "the start of the log lies below every offset")
        ledger.move(place, to: 4)
        #expect(ledger.settledUpTo(place) == 4)
    }

    @Test func `a seek begins a new stay, so an offset of the old log is not stored (D9)`() throws {
        var ledger = PartitionLedger()
        ledger.assign([place])
        let oldAnswer = ledger.admit(record(4_999))
        let old = try #require(oldAnswer)
        ledger.handOut(old)
        ledger.move(place, to: nil)
        #expect(!ledger.mayStore(place, nextOffset: 5_000, generation: old.generation))
        // Until the library knows of the seek, what comes is of the old log.
        let stale = ledger.admit(record(5_000))
        #expect(stale == nil)
        ledger.settle()
        let newAnswer = ledger.admit(record(0))
        let new = try #require(newAnswer)
        ledger.handOut(new)
        #expect(!ledger.mayStore(place, nextOffset: 5_000, generation: nil))
        #expect(ledger.mayStore(place, nextOffset: 1, generation: new.generation))
    }

    @Test func `nothing beyond what the owner was given is stored`() throws {
        var ledger = PartitionLedger()
        ledger.assign([place])
        let firstAnswer = ledger.admit(record(0))
        let first = try #require(firstAnswer)
        _ = ledger.admit(record(1))
        ledger.handOut(first)
        #expect(ledger.mayStore(place, nextOffset: 1, generation: nil))
        #expect(!ledger.mayStore(place, nextOffset: 2, generation: nil))
    }

    @Test func `an offset that was delivered already is dropped`() {
        var ledger = PartitionLedger()
        ledger.assign([place])
        let admitted4 = ledger.admit(record(5))
        #expect(admitted4 != nil)
        let admitted5 = ledger.admit(record(5))
        #expect(admitted5 == nil)
        let admitted6 = ledger.admit(record(4))
        #expect(admitted6 == nil)
        let admitted7 = ledger.admit(record(6))
        #expect(admitted7 != nil)
    }

    @Test func `after a pause reading goes on with the first record that was thrown away`() {
        var ledger = PartitionLedger()
        ledger.assign([place])
        for offset in Int64(0)..<10 {
            if let admitted = ledger.admit(record(offset)), offset < 4 { ledger.handOut(admitted) }
        }
        ledger.rewind(place, to: 4)
        ledger.setPaused(place, true)
        let admitted8 = ledger.admit(record(10))
        #expect(admitted8 == nil)
        #expect(ledger.flowing.isEmpty)
        ledger.setPaused(place, false)
        #expect(ledger.position(place) == 4)
        let admitted9 = ledger.admit(record(4))
        #expect(admitted9 != nil)
    }

    @Test func `before the first record the position is the group's`() {
        var ledger = PartitionLedger()
        ledger.assign([place])
        #expect(ledger.position(place) == nil)
        ledger.move(place, to: nil)
        #expect(ledger.position(place) == -2)
        ledger.move(place, to: 17)
        ledger.settle()
        #expect(ledger.position(place) == 17)
        let admitted10 = ledger.admit(record(16))
        #expect(admitted10 == nil)
    }

    @Test func `a stalled partition is told of once and waits for its owner`() {
        var ledger = PartitionLedger()
        let other = TopicPartition("t", 4)
        ledger.assign([place, other])
        let first = ledger.stall(place)
        let second = ledger.stall(place)
        #expect(first && !second)
        #expect(ledger.readable == [other])
        ledger.move(place, to: nil)
        #expect(ledger.readable == [place, other])
        #expect(ledger.moving == [place])
        let whileMoving = ledger.stall(place)
        #expect(!whileMoving)
        ledger.settle()
        #expect(ledger.moving.isEmpty)
    }
}
