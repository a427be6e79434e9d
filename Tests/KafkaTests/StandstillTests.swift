import Contracts
import Foundation
import Glibc
import NativeServers
import Sockets
import Support
import Testing

@testable import Kafka

/// What must not stop for ever: reading after a rebalance, and every call that has a limit.
@Suite struct StandstillTests {
    @Test func `reading goes on after a rebalance that met a full buffer`() async throws {
        try await Rig.with { rig in
            let (producer, first, texts, _) = try await heldBack(rig)
            let second = try rig.consumer("held-back")
            // The first one's owner is busy meanwhile: it takes no event.
            try await eventually("half of the partitions", within: Rig.patience) {
                await first.assignment.count == 6
            }
            let kept = Set(await first.assignment)
            let mine = texts.filter { kept.contains(place(of: $0)) }
            let theirs = texts.filter { !kept.contains(place(of: $0)) }
            async let others = rig.read(second, theirs)
            _ = try await rig.read(first, mine)
            _ = try await others
            await second.close()
            await first.close()
            await producer.close()
        }
    }

    @Test func `reading goes on after a pause that threw a full buffer away`() async throws {
        try await Rig.with { rig in
            let (producer, consumer, texts, taken) = try await heldBack(rig)
            let places = await consumer.assignment
            await consumer.pause(places)
            await consumer.resume(places)
            let missing = texts.filter { $0 != taken }
            _ = try await rig.read(consumer, missing)
            await consumer.close()
            await producer.close()
        }
    }

    @Test func `seeks while a rebalance is under way leave no partition behind`() async throws {
        try await Rig.with { rig in
            let producer = try rig.producer()
            let texts = (0..<120).map { "seek-\($0)" }
            try await rig.publish(producer, texts)
            let first = try rig.consumer("seeking")
            _ = try await rig.read(first, texts)
            let second = try rig.consumer("seeking")
            try await rig.loop.withTimeout(Rig.patience) {
                while await first.assignment.count != 6 {
                    await first.seekToStart(await first.assignment)
                    try await rig.loop.sleep(for: .milliseconds(1))
                }
            }
            try await eventually("the other half", within: Rig.patience) {
                await second.assignment.count == 6
            }
            let kept = Set(await first.assignment)
            // Everything is committed; who reads it again shows that its partitions are alive.
            await first.seekToStart(kept.sorted())
            await second.seekToStart(await second.assignment)
            async let others = rig.read(second, texts.filter { !kept.contains(place(of: $0)) })
            _ = try await rig.read(first, texts.filter { kept.contains(place(of: $0)) })
            _ = try await others
            await second.close()
            await first.close()
            await producer.close()
        }
    }

    @Test func `close returns although a revocation waits for its commit`() async throws {
        try await Rig.with { rig in
            let producer = try rig.producer()
            let texts = (0..<60).map { "close-\($0)" }
            try await rig.publish(producer, texts)
            let first = try rig.consumer("closing")
            _ = try await rig.read(first, texts)
            let second = try rig.consumer("closing")
            try await rig.loop.withTimeout(Rig.patience) { try await first.beginRevocation() }
            let start = ContinuousClock.now
            await first.close()
            // The limit of the wait is 11 s.
            #expect(start.duration(to: .now) < .seconds(9))
            try await eventually("every partition", within: Rig.patience) {
                await second.assignment.count == 12
            }
            await second.close()
            await producer.close()
        }
    }

    @Test func `a late cancellation does not end the wait of the next caller`() async throws {
        try await TestLoop.run { loop in
            let consumer = try Consumer(
                KafkaConfiguration(bootstrapServers: "127.0.0.1:1", clientID: "test"),
                group: "late", topics: [Rig.topic], loop: loop,
                logger: QuietLog.logger("consumer"), metrics: QuietLog.metrics())
            try await loop.withTimeout(Rig.patience) {
                _ = try await consumer.waitAfterLateCancellation()
            }
            await consumer.close()
        }
    }

    @Test func `no call outlives its limit when the broker falls silent`() async throws {
        try await Rig.with { rig in
            var rig = rig
            rig.configuration.adminTimeout = .seconds(1)
            rig.configuration.sessionTimeout = .seconds(6)
            rig.configuration.closeTimeout = .milliseconds(500)
            let (producer, consumer) = (try rig.producer(), try rig.consumer("silent"))
            try await rig.publish(producer, ["one"])
            let record = try #require(try await rig.read(consumer, ["one"]).first)
            let places = [record.topicPartition]
            #expect(try await consumer.endOffsets(places) == [record.topicPartition: 1])

            let port = rig.broker.port
            let pid = try #require(try await Blocking.run { PortHolder.find(port)?.pid })
            kill(pid, SIGSTOP)
            defer { kill(pid, SIGCONT) }
            // One thread stops after the other.
            try await eventually("a broker that stands still") {
                let threads = "/proc/\(pid)/task"
                return try FileManager.default.contentsOfDirectory(atPath: threads).allSatisfy {
                    try String(contentsOfFile: "\(threads)/\($0)/status", encoding: .utf8)
                        .contains("State:\tT")
                }
            }
            let limit: Duration = .seconds(4)
            try await expectFailure(within: limit) { _ = try await consumer.endOffsets(places) }
            try await expectFailure(within: limit) { _ = try await consumer.ranges(places) }
            try await expectFailure(within: limit) {
                _ = try await ClusterProbe.look(
                    rig.configuration, canaryTopic: Topics.canary.name, key: "order")
            }
            try await expectFailure(within: limit) {
                _ = try await TopicAdmin.partitionCount(Rig.topic, rig.configuration)
            }
            await consumer.store(places[0], nextOffset: 1)
            let start = ContinuousClock.now
            await consumer.close()
            #expect(start.duration(to: .now) < .seconds(10))
        }
    }

    @Test func `a producer without a broker closes in time, for everyone who asks`() async throws {
        try await Rig.with { rig in
            var rig = rig
            rig.configuration.closeTimeout = .milliseconds(300)
            let (loop, producer) = (rig.loop, try rig.producer())
            try await rig.publish(producer, ["one"])
            try await rig.broker.kill()
            let sending = Task(executorPreference: loop) {
                await producer.send(Rig.records(["lost"]))
            }
            await Task(executorPreference: loop) {}.value
            let start = ContinuousClock.now
            let closers = (0..<3).map { _ in
                Task(executorPreference: loop) { await producer.close() }
            }
            for closer in closers { await closer.value }
            let results = await sending.value
            #expect(start.duration(to: .now) < .seconds(10))
            guard case .failure(let error) = try #require(results.first) else {
                Issue.record("nobody can have taken the record")
                return
            }
            #expect(error.code == .closed)
        }
    }

    @Test func `a batch that awaits its reports ends when its handle is lost`() async throws {
        try await Rig.with { rig in
            let (loop, producer) = (rig.loop, try rig.producer())
            try await rig.publish(producer, ["one"])
            try await rig.broker.kill()
            let sending = Task(executorPreference: loop) {
                await producer.send(Rig.records(["waiting"]))
            }
            await Task(executorPreference: loop) {}.value
            await producer.simulateFatalError()
            let results = await sending.value
            guard case .failure(let error) = try #require(results.first) else {
                Issue.record("nobody can have taken the record")
                return
            }
            #expect(error.isFatal && error.isRetriable)
            try await rig.broker.restart()
            try await rig.publish(producer, ["after"])
            await producer.close()
        }
    }

    /// A member that took one batch and then nothing more, until its buffer was full. Every
    /// partition has a committed offset, so no question to its owner sets it going again.
    private func heldBack(_ rig: Rig) async throws -> (Producer, Consumer, [String], taken: String)
    {
        var rig = rig
        let producer = try rig.producer()
        let before = (0..<120).map { "before-\($0)" }
        try await rig.publish(producer, before)
        let reader = try rig.consumer("held-back")
        _ = try await rig.read(reader, before)
        await reader.close()

        rig.configuration.consumerBufferRecords = 10
        rig.configuration.consumerBatchRecords = 1
        let consumer = try rig.consumer("held-back")
        let texts = (0..<240).map { "after-\($0)" }
        try await rig.publish(producer, texts)
        let taken = try await rig.first(consumer) { event in
            if case .records(let records) = event { records[0].keyText } else { nil }
        }
        try await eventually("a full buffer", within: Rig.patience) {
            await consumer.holdBack.isOn
        }
        return (producer, consumer, texts, taken)
    }

    private func place(of key: String) -> TopicPartition {
        TopicPartition(Rig.topic, Murmur2.partition(key: Array(key.utf8), count: 12))
    }

    private func expectFailure(
        within limit: Duration, _ body: () async throws -> Void
    ) async throws {
        let start = ContinuousClock.now
        await #expect(throws: KafkaError.self) { try await body() }
        #expect(start.duration(to: .now) < limit)
    }
}

extension Consumer {
    /// Takes the events up to the first revocation; the answer to its commit is left in the queue.
    fileprivate func beginRevocation() async throws {
        stopWatching()
        while true {
            if case .revoke(let places)? = client?.poll() {
                revoking(places)
                guard case .revoking = rebalance else {
                    throw KafkaError(.other, "the commit was refused at once")
                }
                return
            }
            try await loop.sleep(for: .milliseconds(1))
        }
    }

    /// Answers a caller, cancels it before it runs, and waits in its place.
    fileprivate func waitAfterLateCancellation() async throws -> ConsumerEvent {
        stopWatching()
        buffer = ConsumerBuffer()
        let first = Task(executorPreference: loop) { try await self.next() }
        while waiter == nil { try await loop.sleep(for: .milliseconds(1)) }
        buffer.append(.disconnected)
        wakeIfReady()
        first.cancel()
        loop.execute {
            self.assumeIsolated { consumer in
                consumer.buffer.append(.disconnected)
                consumer.wakeIfReady()
            }
        }
        return try await next()
    }

    /// The test takes the events itself. The beat would take them as well, so it ends too.
    private func stopWatching() {
        if let watch { loop.cancel(watch) }
        if let heartbeat { loop.cancel(heartbeat) }
        watch = nil
    }
}
