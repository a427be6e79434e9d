import Basics
import Contracts
import Kafka
import Messaging
import Postgres
import Sockets
import Support
import Telemetry
import Testing

@Suite struct OutboxRelayTests {
    private func add(_ messages: [OutgoingMessage], to bench: Bench, waking relay: OutboxRelay)
        async throws
    {
        try await bench.pool.transaction {
            try await Outbox(wake: { relay.wake() }).append(messages, in: $0)
        }
    }

    private func drained(_ bench: Bench) async throws {
        try await eventually("outbox drained") {
            try await bench.count("outbox WHERE published_at IS NULL") == 0
        }
    }

    @Test func `a committed row is published once, with its envelope and partition`() async throws {
        try await Bench.run("relay_once") { bench async throws in
            let relay = bench.relay()
            let message = try message()
            try await bench.running([relay]) {
                try await add([message], to: bench, waking: relay)
                try await drained(bench)
            }
            let sent = try #require(bench.publisher.records.first)
            #expect(bench.publisher.records.count == 1)
            #expect(sent.partition == Murmur2.partition(key: message.key, count: 12))
            #expect(sent.value == message.payload)
            let envelope = try Envelope(headers: sent.headers.map { (name: $0.0, value: $0.1) })
            #expect(envelope == message.envelope)
        }
    }

    @Test func `the age of what waits grows while the broker does not answer`() async throws {
        try await Bench.run("relay_age") { bench async throws in
            let relay = bench.relay()
            @Sendable func age() -> Double {
                let line = bench.metrics.render().split(separator: "\n")
                    .first { $0.hasPrefix("outbox_oldest_age_seconds ") }
                return line?.split(separator: " ").last.flatMap { Double($0) } ?? -1
            }
            #expect(age() == 0)
            let never = OneShot<Void>()
            // Ignored: the relay's end is the only thing that ends the wait.
            bench.publisher.hold { try? await never.value() }
            try await bench.running([relay]) {
                let old = WallTime(microseconds: WallTime.now().microseconds - 60_000_000)
                try await add([message(at: old)], to: bench, waking: relay)
                try await eventually("the relay has seen the row") { age() >= 60 }
                let before = age()
                try await eventually("nobody tells, the age grows all the same") { age() > before }
            }
        }
    }

    @Test func `a rolled back row never leaves`() async throws {
        struct Undo: Error {}
        try await Bench.run("relay_rollback") { bench async throws in
            let relay = bench.relay()
            let (lost, kept) = (try message(), try message())
            try await bench.running([relay]) {
                await #expect(throws: Undo.self) {
                    try await bench.pool.transaction {
                        try await Outbox(wake: { relay.wake() }).append([lost], in: $0)
                        throw Undo()
                    }
                }
                try await add([kept], to: bench, waking: relay)
                try await drained(bench)
            }
            #expect(bench.publisher.messageIDs == [kept.envelope.messageID.description])
        }
    }

    @Test func `rows of a life before are found at the start, in order per key (D6)`() async throws {
        try await Bench.run("relay_boot") { bench async throws in
            let order = OrderID.make()
            let messages = try (0..<40).map { _ in try message(order) }
            for message in messages {
                try await bench.pool.execute(Outbox.statement(for: message))
            }
            try await bench.running([bench.relay()]) { try await drained(bench) }
            #expect(
                bench.publisher.messageIDs
                    == messages.map { $0.envelope.messageID.description })
        }
    }

    @Test func `a row is marked only after its delivery report`() async throws {
        try await Bench.run("relay_mark") { bench async throws in
            let relay = bench.relay()
            bench.publisher.failNext([KafkaError(.timedOut, "no answer")])
            try await bench.running([relay]) {
                try await add([try message()], to: bench, waking: relay)
                try await drained(bench)
            }
            // The failed try left it unmarked, so it was sent again.
            #expect(bench.publisher.records.count == 1)
        }
    }

    @Test func `a row the broker refuses for good is parked and does not block the lane`()
        async throws
    {
        try await Bench.run("relay_permanent") { bench async throws in
            let relay = bench.relay()
            let order = OrderID.make()
            let messages = [try message(order), try message(order)]
            bench.publisher.failNext([KafkaError(.messageTooLarge, "too large")])
            try await bench.running([relay]) {
                try await add(messages, to: bench, waking: relay)
                try await drained(bench)
            }
            #expect(
                bench.publisher.messageIDs == [messages[1].envelope.messageID.description])
            let letters = try await bench.pool.query(
                Statement("SELECT message_id, error_class FROM dead_letters"))
            #expect(try letters.map { try $0.id("message_id") } == [messages[0].envelope.messageID])
            #expect(try letters[0].text("error_class") == "unpublishable")
        }
    }

    @Test func `two relays share one database and nothing is published twice`() async throws {
        try await Bench.run("relay_two") { bench async throws in
            let relays = [bench.relay(), bench.relay()]
            let messages = try (0..<200).map { _ in try message() }
            try await bench.running(relays) {
                for chunk in stride(from: 0, to: 200, by: 20) {
                    try await add(
                        Array(messages[chunk..<chunk + 20]), to: bench, waking: relays[1])
                }
                try await drained(bench)
            }
            #expect(bench.publisher.messageIDs.count == 200)
            #expect(Set(bench.publisher.messageIDs).count == 200)
        }
    }

    @Test func `when the owner's session dies the relay gets a new one and goes on`() async throws {
        try await Bench.run("relay_session") { bench async throws in
            let relay = bench.relay()
            try await bench.running([relay]) {
                try await add([try message()], to: bench, waking: relay)
                try await drained(bench)
                _ = try await bench.database.asSuperuser(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_locks
                    WHERE locktype = 'advisory' AND classid = 7171960 AND database =
                        (SELECT oid FROM pg_database WHERE datname = '\(bench.database.name)')
                    """)
                try await add([try message()], to: bench, waking: relay)
                try await drained(bench)
            }
            #expect(bench.publisher.records.count == 2)
        }
    }

    @Test func `what the old log acknowledged is not marked in the new epoch (D9)`() async throws {
        try await Bench.run("relay_epoch") { bench async throws in
            let relay = bench.relay()
            let message = try message()
            let begun = Tally()
            bench.publisher.hold {
                // The broker is replaced between the record's acknowledgement and its mark.
                guard begun.add() == 1 else { return }
                do {
                    try await bench.pool.execute(
                        Statement(
                            """
                            INSERT INTO broker_epochs (epoch, cluster_id, canary, cause)
                            VALUES (1, 'new', gen_random_uuid(), 'test')
                            """))
                } catch {
                    Issue.record("\(error)")
                }
            }
            try await bench.running([relay]) {
                try await add([message], to: bench, waking: relay)
                try await drained(bench)
            }
            let id = message.envelope.messageID.description
            #expect(bench.publisher.messageIDs == [id, id])
        }
    }

    @Test func `a row published again in a new epoch is as old as the epoch`() async throws {
        try await Bench.run("relay_again") { bench async throws in
            let relay = bench.relay()
            try await bench.pool.execute(
                Statement(
                    """
                    INSERT INTO broker_epochs (epoch, cluster_id, canary, cause)
                    VALUES (1, 'new', gen_random_uuid(), 'test')
                    """))
            let old = WallTime.now().advanced(by: .seconds(-3600))
            bench.publisher.failNext(
                Array(repeating: KafkaError(.transport, "down"), count: 10_000))
            try await bench.running([relay]) {
                try await add([try message(at: old)], to: bench, waking: relay)
                try await eventually("the row is seen") { await relay.oldestAge() != nil }
                #expect(try #require(await relay.oldestAge()) < .seconds(600))
            }
        }
    }

    @Test func `a relay that stopped without a word loses its shards to the next (D6)`()
        async throws
    {
        try await Bench.run("relay_stopped") { bench async throws in
            var short = RelayConfiguration()
            short.leaseIdleMax = .milliseconds(600)
            // Never heard of again, as if its process had been stopped: no heartbeat, one batch
            // that is never acknowledged.
            short.heartbeat = .seconds(3600)
            let (stuck, next) = (RecordingPublisher(), bench.publisher)
            let never = AsyncSignal()
            stuck.hold { do { try await never.wait() } catch { /* Ignored: the test is over. */ } }
            let first = OutboxRelay(
                pool: bench.pool, publisher: stuck, loop: bench.loop, logger: QuietLog.logger(),
                metrics: bench.metrics, configuration: short)
            var quick = RelayConfiguration()
            quick.heartbeat = .milliseconds(100)
            let second = bench.relay(quick)
            let message = try message()
            try await bench.pool.execute(Outbox.statement(for: message))
            try await bench.running([first]) {
                try await eventually("the first relay holds the shards") {
                    try await bench.count("pg_locks WHERE locktype = 'advisory' AND classid = 7171960")
                        >= 16
                }
                try await bench.running([second]) { try await drained(bench) }
            }
            #expect(next.messageIDs == [message.envelope.messageID.description])
        }
    }

    @Test func `the age of the oldest waiting row is known`() async throws {
        try await Bench.run("relay_age") { bench async throws in
            let relay = bench.relay()
            let old = WallTime.now().advanced(by: .seconds(-45))
            bench.publisher.failNext(
                Array(repeating: KafkaError(.transport, "down"), count: 10_000))
            try await bench.running([relay]) {
                try await add([try message(at: old)], to: bench, waking: relay)
                try await eventually("age seen") {
                    await (relay.oldestAge() ?? .zero) > .seconds(40)
                }
            }
        }
    }
}
