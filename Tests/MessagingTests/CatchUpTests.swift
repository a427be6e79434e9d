import Kafka
import Messaging
import Testing

@Suite struct CatchUpTests {
    private let one = TopicPartition("t", 1)
    private let two = TopicPartition("t", 2)

    @Test func `nothing is known before an assignment`() {
        #expect(!CatchUp().isDone)
    }

    @Test func `a partition without a backlog has caught up at once`() {
        var catchUp = CatchUp()
        #expect(catchUp.expect(one, from: 7, to: 7, in: 1, following: nil) == nil)
        #expect(catchUp.expect(two, from: 0, to: 0, in: 1, following: 3) == 3)
        #expect(catchUp.isDone)
    }

    @Test func `it is done when every partition was settled to the end it had`() {
        var catchUp = CatchUp()
        _ = catchUp.expect(one, from: 0, to: 10, in: 1, following: nil)
        _ = catchUp.expect(two, from: 4, to: 6, in: 1, following: 2)
        #expect(catchUp.settled(one, nextOffset: 9, in: 1) == nil && !catchUp.isDone)
        #expect(catchUp.settled(two, nextOffset: 6, in: 1) == 2)
        #expect(!catchUp.isDone)
        #expect(catchUp.settled(one, nextOffset: 10, in: 1) == nil)
        #expect(catchUp.isDone)
    }

    @Test func `what an earlier stay settled is of another log and counts for nothing (D9)`() {
        var catchUp = CatchUp()
        _ = catchUp.expect(one, from: 0, to: 10, in: 2, following: 5)
        #expect(catchUp.settled(one, nextOffset: 501, in: 1) == nil)
        #expect(!catchUp.isDone)
        #expect(catchUp.settled(one, nextOffset: 10, in: 2) == 5)
        #expect(catchUp.isDone)
    }

    @Test func `a revoked partition is somebody else's, a lost handle begins anew`() {
        var catchUp = CatchUp()
        _ = catchUp.expect(one, from: 0, to: 10, in: 1, following: nil)
        catchUp.drop([one])
        #expect(catchUp.isDone)
        catchUp.reset()
        #expect(!catchUp.isDone)
    }
}
