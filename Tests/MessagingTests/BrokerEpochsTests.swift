import Basics
import Kafka
import Messaging
import Postgres
import Support
import Synchronization
import Testing

@Suite struct EpochRulesTests {
    private let known = BrokerEpoch(epoch: 3, clusterID: "one", canary: "canary")

    private func judge(_ cluster: String, _ canary: String?, outOfRange: Bool = false)
        -> EpochVerdict
    {
        EpochVerdict.judge(
            known: known,
            seen: ClusterView(clusterID: cluster, canary: canary.map { Array($0.utf8) }),
            outOfRange: outOfRange)
    }

    @Test func `any of the four signs is a new epoch (D9)`() {
        #expect(judge("one", "canary") == .same)
        #expect(judge("two", "canary") == .new(cause: "cluster_id_changed"))
        #expect(judge("one", nil) == .new(cause: "canary_missing"))
        #expect(judge("one", "other") == .new(cause: "canary_differs"))
        #expect(judge("one", "canary", outOfRange: true) == .new(cause: "offset_out_of_range"))
    }

    @Test func `a first start is no change of epoch`() {
        let seen = ClusterView(clusterID: "one", canary: nil)
        #expect(EpochVerdict.judge(known: nil, seen: seen, outOfRange: false) == .first)
    }
}

@Suite struct BrokerEpochsTests {
    /// A broker whose identity and canary the test decides.
    private final class FakeCluster: Sendable {
        let view = Mutex(ClusterView(clusterID: "one", canary: nil))

        /// What the service writes is what it will see.
        func adopt(_ publisher: RecordingPublisher) {
            guard let canary = publisher.records.last?.value else { return }
            view.withLock { $0 = ClusterView(clusterID: $0.clusterID, canary: canary) }
        }

        func wipe(id: String) {
            view.withLock { $0 = ClusterView(clusterID: id, canary: nil) }
        }
    }

    private func epochs(_ bench: Bench, _ cluster: FakeCluster, refill: [Statement] = [])
        -> BrokerEpochs
    {
        BrokerEpochs(
            service: "test", pool: bench.pool, publisher: bench.publisher, loop: bench.loop,
            logger: QuietLog.logger(), metrics: bench.metrics, refill: refill,
            probe: { cluster.view.withLock { $0 } })
    }

    /// As Order's: bounded by what the older epoch published, so that it comes to an end.
    private let clearing = Statement(
        """
        UPDATE outbox SET published_at = NULL
        WHERE published_at < (SELECT max(first_seen) FROM broker_epochs)
        """)

    @Test func `the first start leaves a canary and calls nobody`() async throws {
        try await Bench.run("epoch_first") { bench async throws in
            let (cluster, calls) = (FakeCluster(), Tally())
            let epochs = epochs(bench, cluster)
            await epochs.subscribe { calls.add() }
            try await epochs.check()
            cluster.adopt(bench.publisher)
            try await epochs.check()
            #expect(await epochs.current == 1)
            #expect(calls.count == 0)
            #expect(bench.publisher.records.map(\.topic) == ["mercato.canary.v1"])
        }
    }

    @Test func `a lost broker begins an epoch, refills the outbox and tells the consumers`()
        async throws
    {
        try await Bench.run("epoch_wipe") { bench async throws in
            try await bench.pool.execute(Outbox.statement(for: try message()))
            try await bench.pool.execute(Statement("UPDATE outbox SET published_at = now()"))
            let (cluster, calls) = (FakeCluster(), Tally())
            let epochs = epochs(
                bench, cluster, refill: [clearing])
            await epochs.subscribe { calls.add() }
            try await epochs.check()
            cluster.adopt(bench.publisher)
            cluster.wipe(id: "one")
            try await epochs.check()
            cluster.adopt(bench.publisher)
            try await epochs.check()
            #expect(await epochs.current == 2)
            #expect(calls.count == 1)
            #expect(try await bench.count("outbox WHERE published_at IS NULL") == 1)
        }
    }

    @Test func `a canary that was never acknowledged is sent again, and is no loss`() async throws {
        try await Bench.run("epoch_owed") { bench async throws in
            let cluster = FakeCluster()
            let epochs = epochs(bench, cluster)
            bench.publisher.failNext([KafkaError(.timedOut, "no answer")])
            try await epochs.check()
            #expect(bench.publisher.records.isEmpty)
            try await epochs.check()
            cluster.adopt(bench.publisher)
            try await epochs.check()
            #expect(bench.publisher.records.count == 1)
            #expect(await epochs.current == 1)
            cluster.wipe(id: "one")
            try await epochs.check()
            #expect(await epochs.current == 2)
        }
    }

    @Test func `a refill cut short is gone on with at the next look`() async throws {
        try await Bench.run("epoch_refill") { bench async throws in
            let cluster = FakeCluster()
            try await epochs(bench, cluster).check()
            cluster.wipe(id: "two")
            let broken = epochs(bench, cluster, refill: [Statement("UPDATE no_such_table SET a = 1")])
            await #expect(throws: PostgresError.self) { try await broken.check() }
            try await bench.pool.execute(Outbox.statement(for: try message()))
            try await bench.pool.execute(
                Statement("UPDATE outbox SET published_at = now() - interval '1 hour'"))
            cluster.adopt(bench.publisher)
            let restarted = epochs(bench, cluster, refill: [clearing])
            try await restarted.check()
            #expect(await restarted.current == 2)
            #expect(try await bench.count("outbox WHERE published_at IS NULL") == 1)
            #expect(try await bench.count("broker_epochs WHERE refilled_at IS NULL") == 0)
        }
    }

    @Test func `a report that comes during a look is for the next one`() async throws {
        try await Bench.run("epoch_report") { bench async throws in
            let cluster = FakeCluster()
            let gate = Gate()
            let epochs = BrokerEpochs(
                service: "test", pool: bench.pool, publisher: bench.publisher, loop: bench.loop,
                logger: QuietLog.logger(), metrics: bench.metrics,
                probe: {
                    await gate.pass()
                    return cluster.view.withLock { $0 }
                })
            try await epochs.check()
            cluster.adopt(bench.publisher)
            gate.whenPassed = { await epochs.reportOutOfRange() }
            try await epochs.check()
            cluster.adopt(bench.publisher)
            gate.whenPassed = nil
            try await epochs.check()
            cluster.adopt(bench.publisher)
            #expect(await epochs.current == 2)
        }
    }

    /// Runs something while a look is under way.
    private final class Gate: Sendable {
        private let body = Mutex<(@Sendable () async -> Void)?>(nil)
        var whenPassed: (@Sendable () async -> Void)? {
            get { body.withLock { $0 } }
            set { body.withLock { $0 = newValue } }
        }
        func pass() async { await whenPassed?() }
    }

    @Test func `a loss while the service was down is seen at its next start`() async throws {
        try await Bench.run("epoch_restart") { bench async throws in
            let cluster = FakeCluster()
            try await epochs(bench, cluster).check()
            cluster.wipe(id: "two")
            let calls = Tally()
            let restarted = epochs(bench, cluster)
            await restarted.subscribe { calls.add() }
            try await restarted.check()
            #expect(await restarted.current == 2)
            #expect(calls.count == 1)
        }
    }

    @Test func `a replica that did not record the epoch follows it`() async throws {
        try await Bench.run("epoch_replica") { bench async throws in
            let (cluster, calls) = (FakeCluster(), Tally())
            let (one, two) = (epochs(bench, cluster), epochs(bench, cluster))
            await two.subscribe { calls.add() }
            try await one.check()
            cluster.adopt(bench.publisher)
            try await two.check()
            cluster.wipe(id: "two")
            try await one.check()
            cluster.adopt(bench.publisher)
            try await two.check()
            #expect(await two.current == 2)
            #expect(calls.count == 1)
        }
    }
}

@Suite struct PartitionRangeTests {
    @Test func `a group whose offset the log does not have is out of range, a new group is not`() {
        #expect(PartitionRange(committed: 12, start: 0, end: 10).isOutOfRange)
        #expect(PartitionRange(committed: 3, start: 5, end: 10).isOutOfRange)
        #expect(!PartitionRange(committed: 10, start: 0, end: 10).isOutOfRange)
        #expect(!PartitionRange(committed: nil, start: 5, end: 10).isOutOfRange)
        #expect(PartitionRange(committed: nil, start: 5, end: 10).position == 5)
    }
}
