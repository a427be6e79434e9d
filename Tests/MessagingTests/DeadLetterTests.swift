import Basics
import Contracts
import Kafka
@testable import Messaging
import Postgres
import Support
import Synchronization
import Telemetry
import Testing

/// Each way into the dead letters: the row, its topic copy, and that nothing stands still.
@Suite struct DeadLetterTests {
    private struct Cause: Sendable, CustomTestStringConvertible {
        let name: String
        let code: String
        var errorClass = "undecodable"
        var attempts: Int64 = 1
        var isCopied = true
        let spoil: @Sendable (inout ConsumedRecord) -> Void
        var handler: @Sendable (IncomingMessage, Transaction) async throws -> Void = { _, _ in }
        var testDescription: String { name }

        static let all: [Cause] = [
            Cause(name: "no headers", code: "malformed_envelope", spoil: { $0.headers = [] }),
            Cause(name: "no value", code: "no_payload", spoil: { $0.value = nil }),
            Cause(name: "no key", code: "no_key", spoil: { $0.key = nil }),
            Cause(
                name: "a giant", code: "payload_too_large", isCopied: false,
                spoil: { $0.value = Array(repeating: 0xab, count: RecordProcessor.payloadBytesMax + 1) }),
            Cause(
                name: "an unknown type", code: "unknown_type", spoil: { _ in },
                handler: { message, _ in
                    throw Poison(.undecodable, code: "unknown_type", message.envelope.type)
                }),
            Cause(
                name: "a payload of another shape", code: "malformed_payload",
                spoil: { $0.value = Array("[1".utf8) },
                handler: { message, _ in _ = try message.decode(InventoryReplies.Released.self) }),
            Cause(
                name: "a deadlock every time", code: "handler_failed", errorClass: "exhausted",
                attempts: Int64(RecordProcessor.transientAttemptsMax), spoil: { _ in },
                handler: { _, transaction in
                    _ = try await transaction.query(
                        Statement("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$"))
                }),
            Cause(
                name: "a handler that throws every time", code: "handler_failed",
                errorClass: "exhausted", attempts: Int64(RecordProcessor.transientAttemptsMax),
                spoil: { _ in }, handler: { _, _ in throw Trouble() }),
        ]
    }

    @Test(arguments: Cause.all)
    private func `the letter has the exact bytes, headers, error, attempts and trace, and a copy`(
        cause: Cause
    ) async throws {
        try await Bench.run("letter") { bench async throws in
            let processor = bench.processor(handler: ClosureHandler(body: cause.handler))
            let desk = bench.desk(processor)
            var spoiled = record(of: try message(), offset: 41)
            cause.spoil(&spoiled)
            #expect(try await processor.process(spoiled, patience: .seconds(5)))
            let listed = try await desk.store.list(StoredLetter.State.open, after: nil, limit: 10)
            #expect(listed.count == 1 && listed.first?.payload == nil)
            let letter = try await desk.store.letter(try #require(listed.first).id)
            #expect(letter.payload == spoiled.value && letter.key == spoiled.key)
            #expect(letter.headers.map(\.name) == spoiled.headers.map(\.name))
            #expect(letter.headers.map(\.value) == spoiled.headers.map(\.value))
            #expect(letter.errorClass == cause.errorClass && letter.errorCode == cause.code)
            #expect(letter.attempts == cause.attempts && letter.offset == 41)
            #expect(
                letter.traceID == (spoiled.headers.isEmpty ? nil : "0af7651916cd43dd8448eb211c80319c"))
            let copies = try await bench.pool.query(
                Statement("SELECT topic, payload, headers::text AS headers FROM outbox"))
            #expect(copies.count == 1)
            #expect(try copies[0].text("topic") == "order.replies.v1.dlq")
            #expect(try copies[0].bytes("payload") == (cause.isCopied ? spoiled.value ?? [] : []))
            #expect(try copies[0].text("headers").contains("dlq-payload-omitted") == !cause.isCopied)
            // The partition goes on: the next record of it is handled.
            let next = bench.processor(handler: ClosureHandler { _, _ in })
            #expect(try await next.process(record(of: try message(), offset: 42), patience: .seconds(5)))
            #expect(try await bench.count("inbox") == 1)
            #expect(
                bench.metrics.render().contains(
                    "dead_letters_total{class=\"\(cause.errorClass)\",consumer=\"test\"} 1"))
        }
    }

    @Test func `a database that is away is nobody's poison, however often it is asked`() async throws {
        let error = PostgresError(.connectionLost, "gone")
        for failures in [1, 5, 50] {
            guard case .wait = RecordProcessor.verdict(on: error, failures: failures) else {
                Issue.record("\(failures): not a wait")
                continue
            }
        }
    }

    @Test func `a replay handles the very message and settles its letter in one transaction`()
        async throws
    {
        try await Bench.run("replay") { bench async throws in
            let isMended = Mutex(false)
            let seen = Mutex<[IncomingMessage]>([])
            let processor = bench.processor(
                handler: ClosureHandler { message, _ in
                    guard isMended.withLock({ $0 }) else {
                        throw Poison(.invariant, code: "contradiction", "not mended yet")
                    }
                    seen.withLock { $0.append(message) }
                })
            let desk = bench.desk(processor)
            let original = try message()
            #expect(try await processor.process(record(of: original), patience: .seconds(5)))
            let id = try await bench.onlyLetter(desk)
            let failed = try await desk.replay(id)
            #expect(failed.outcome == .failed && failed.letter.state == .parked)
            #expect(failed.letter.replays == 1 && failed.letter.error == "not mended yet")
            #expect(try await bench.count("inbox") == 0)

            isMended.withLock { $0 = true }
            let handled = try await desk.replay(id)
            #expect(handled.outcome == .handled && handled.letter.state == .resolved)
            #expect(handled.letter.replays == 2 && handled.letter.settledAt != nil)
            let messages = seen.withLock { $0 }
            #expect(messages.map(\.envelope) == [original.envelope])
            #expect(messages.map(\.payload) == [original.payload])
            // A redelivery of the record is a duplicate now, and the letter cannot be replayed again.
            #expect(try await processor.process(record(of: original), patience: .seconds(5)))
            #expect(seen.withLock { $0.count } == 1)
            let again = await #expect(throws: DeadLetterError.self) { try await desk.replay(id) }
            #expect(again?.code == .settled)
        }
    }

    @Test func `replays at the same time run the handler once`() async throws {
        try await Bench.run("replay_twins") { bench async throws in
            let isMended = Mutex(false)
            let calls = Tally()
            let processor = bench.processor(
                handler: ClosureHandler { _, transaction in
                    guard isMended.withLock({ $0 }) else { throw Poison(.invariant, code: "x", "x") }
                    calls.add()
                    _ = try await transaction.query(Statement("SELECT pg_sleep(0.05)"))
                })
            let desk = bench.desk(processor)
            #expect(try await processor.process(record(of: try message()), patience: .seconds(5)))
            let id = try await bench.onlyLetter(desk)
            isMended.withLock { $0 = true }
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        do { _ = try await desk.replay(id) } catch {
                            #expect((error as? DeadLetterError)?.code == .settled)
                        }
                    }
                }
            }
            #expect(calls.count == 1)
        }
    }

    @Test func `a message that was handled meanwhile is resolved without its handler`() async throws {
        try await Bench.run("replay_duplicate") { bench async throws in
            let isMended = Mutex(false)
            let calls = Tally()
            let processor = bench.processor(
                handler: ClosureHandler { _, _ in
                    guard isMended.withLock({ $0 }) else { throw Poison(.invariant, code: "x", "x") }
                    calls.add()
                })
            let desk = bench.desk(processor)
            let record = record(of: try message())
            #expect(try await processor.process(record, patience: .seconds(5)))
            isMended.withLock { $0 = true }
            #expect(try await processor.process(record, patience: .seconds(5)))
            let replayed = try await desk.replay(try await bench.onlyLetter(desk))
            #expect(replayed.outcome == .duplicate && replayed.letter.state == .resolved)
            #expect(calls.count == 1)
        }
    }

    @Test func `garbage fails each replay, three are allowed, and a discard wants a reason`()
        async throws
    {
        try await Bench.run("replay_garbage") { bench async throws in
            let processor = bench.processor(handler: ClosureHandler { _, _ in })
            let desk = bench.desk(processor)
            var garbage = record(of: try message())
            garbage.headers = []
            #expect(try await processor.process(garbage, patience: .seconds(5)))
            let id = try await bench.onlyLetter(desk)
            for round in 1...DeadLetterStore.replaysMax {
                let (outcome, letter) = try await desk.replay(id)
                #expect(outcome == .failed && letter.replays == round)
                #expect(letter.errorCode == "malformed_envelope")
            }
            let refused = await #expect(throws: DeadLetterError.self) { try await desk.replay(id) }
            #expect(refused?.code == .replaysExhausted)
            let letter = try await desk.store.discard(id, reason: "not ours")
            #expect(letter.state == .discarded && letter.reason == "not ours")
            #expect(try await desk.store.list(StoredLetter.State.open, after: nil, limit: 9).isEmpty)
            #expect(try await desk.store.list([.discarded], after: nil, limit: 9).count == 1)
            let missing = await #expect(throws: DeadLetterError.self) {
                try await desk.replay(.v7())
            }
            #expect(missing?.code == .notFound)
        }
    }

    @Test func `a row that the broker refused goes back into its lane, and waits again if it must`()
        async throws
    {
        try await Bench.run("replay_outbox") { bench async throws in
            let refusal = KafkaError(.messageTooLarge, "too large")
            bench.publisher.failNext([refusal])
            let relay = bench.relay()
            let desk = bench.desk(bench.processor(handler: ClosureHandler { _, _ in }), relay)
            try await bench.pool.execute(Outbox.statement(for: try message()))
            try await bench.running([relay]) {
                @Sendable func parked() async throws -> StoredLetter? {
                    try await desk.store.list([.parked], after: nil, limit: 9).first
                }
                try await eventually("the row is parked") { try await parked() != nil }
                let id = try #require(try await parked()).id
                bench.publisher.failNext([refusal])
                try await handBack(id, desk)
                try await eventually("it is parked again") { try await parked() != nil }
                try await handBack(id, desk)
                #expect(try await desk.store.letter(id).replays == 2)
                try await eventually("it is published") { bench.publisher.records.count == 1 }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        do { try await desk.run() } catch is CancellationError {
                            // Ignored: this is how the test ends it.
                        }
                    }
                    try await eventually("the letter is resolved", within: .seconds(15)) {
                        try await desk.store.letter(id).state == .resolved
                    }
                    group.cancelAll()
                }
            }
        }
    }

    /// The relay marks a refused row a moment after it has parked it; until then it keeps it.
    private func handBack(_ id: UniqueID, _ desk: DeadLetterDesk) async throws {
        try await eventually("the row is handed back") {
            do {
                return try await desk.replay(id).outcome == .handedBack
            } catch let error as DeadLetterError where error.code == .inFlight {
                return false
            }
        }
    }

    @Test func `the gauges show how many there are, also none`() async throws {
        try await Bench.run("letter_gauges") { bench async throws in
            let processor = bench.processor(
                handler: ClosureHandler { _, _ in throw Poison(.invariant, code: "x", "x") })
            let desk = bench.desk(processor)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    do { try await desk.run() } catch is CancellationError {
                        // Ignored: this is how the test ends it.
                    }
                }
                @Sendable func shows(_ count: Int) -> Bool {
                    bench.metrics.render()
                        .contains("dead_letters{consumer=\"test\",state=\"parked\"} \(count)\n")
                }
                try await eventually("none is shown") { shows(0) }
                for _ in 0..<2 {
                    #expect(try await processor.process(record(of: try message()), patience: .seconds(5)))
                }
                try await eventually("two are shown", within: .seconds(15)) { shows(2) }
                group.cancelAll()
            }
        }
    }

    private struct Trouble: Error {}
}

extension Bench {
    func desk(_ processor: RecordProcessor, _ relay: OutboxRelay? = nil) -> DeadLetterDesk {
        let desk = DeadLetterDesk(
            service: "test", pool: pool, outboxWake: { relay?.wake() }, loop: loop,
            logger: QuietLog.logger(), metrics: metrics)
        desk.register(processor, of: Topics.orderReplies)
        return desk
    }

    func onlyLetter(_ desk: DeadLetterDesk) async throws -> UniqueID {
        let letters = try await desk.store.list(StoredLetter.State.open, after: nil, limit: 9)
        #expect(letters.count == 1)
        return try #require(letters.first).id
    }
}
