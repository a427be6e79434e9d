import Basics
import Contracts
import Kafka
import Messaging
import Postgres
import Support
import Synchronization
import Testing

@Suite struct RecordProcessorTests {
    @Test func `a duplicate is dropped and leaves one effect (D4)`() async throws {
        try await Bench.run("inbox_duplicate") { bench async throws in
            let calls = Tally()
            let processor = bench.processor(
                handler: ClosureHandler { _, _ in calls.add() })
            let record = record(of: try message())
            for _ in 0..<3 { #expect(try await processor.process(record, patience: .seconds(5))) }
            #expect(calls.count == 1)
            #expect(try await bench.count("inbox") == 1)
        }
    }

    @Test func `twins at the same time run the handler once`() async throws {
        try await Bench.run("inbox_twins") { bench async throws in
            let calls = Tally()
            let processor = bench.processor(
                handler: ClosureHandler { _, transaction in
                    calls.add()
                    _ = try await transaction.query(Statement("SELECT pg_sleep(0.05)"))
                })
            let record = record(of: try message())
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<6 {
                    group.addTask { try await processor.process(record, patience: .seconds(5)) }
                }
                for try await settled in group { #expect(settled) }
            }
            #expect(calls.count == 1)
        }
    }

    @Test func `two consumers of one database both see the message`() async throws {
        try await Bench.run("inbox_consumers") { bench async throws in
            let seen = Mutex<[String]>([])
            let record = record(of: try message())
            for name in ["a", "b"] {
                let processor = bench.processor(
                    name, handler: ClosureHandler { _, _ in seen.withLock { $0.append(name) } })
                _ = try await processor.process(record, patience: .seconds(5))
            }
            #expect(seen.withLock { $0 } == ["a", "b"])
        }
    }

    @Test func `poison is parked once with its bytes, and leaves no inbox row (D15)`() async throws {
        try await Bench.run("inbox_poison") { bench async throws in
            let processor = bench.processor(
                handler: ClosureHandler { _, _ in
                    throw Poison(.invariant, code: "contradiction", "cannot be")
                })
            let record = record(of: try message(), offset: 17)
            for _ in 0..<2 { #expect(try await processor.process(record, patience: .seconds(5))) }
            let letters = try await bench.pool.query(
                Statement("SELECT payload, error_class, record_offset FROM dead_letters"))
            #expect(letters.count == 1)
            #expect(try letters[0].bytes("payload") == Array("{}".utf8))
            #expect(try letters[0].text("error_class") == "invariant")
            #expect(try letters[0].integer("record_offset") == 17)
            #expect(try await bench.count("inbox") == 0)
            let copies = try await bench.pool.query(Statement("SELECT topic FROM outbox"))
            #expect(try copies.map { try $0.text("topic") } == ["order.replies.v1.dlq"])
        }
    }

    @Test func `a record without readable headers is parked under a derived id`() async throws {
        try await Bench.run("inbox_garbage") { bench async throws in
            let processor = bench.processor(handler: ClosureHandler { _, _ in })
            var garbage = record(of: try message(), offset: 4)
            garbage.headers = [(name: "message-id", value: [0xff, 0x00])]
            garbage.value = [0x00, 0xff]
            for _ in 0..<2 { #expect(try await processor.process(garbage, patience: .seconds(5))) }
            let letters = try await bench.pool.query(
                Statement("SELECT message_id, payload FROM dead_letters"))
            #expect(letters.count == 1)
            #expect(try letters[0].id("message_id").version == 8)
            #expect(try letters[0].bytes("payload") == [0x00, 0xff])
        }
    }

    @Test func `a record that no column can hold as it is, is parked all the same`() async throws {
        try await Bench.run("inbox_hostile") { bench async throws in
            let processor = bench.processor(handler: ClosureHandler { _, _ in })
            var hostile = record(of: try message(), offset: 5)
            hostile.timestampMilliseconds = .max
            hostile.headers = [
                (name: "type", value: Array("a\0b".utf8) + [0xff]),
                (name: "x\0y", value: [0x00]),
                (name: "type", value: Array(repeating: 0x41, count: 5_000)),
            ]
            #expect(try await processor.process(hostile, patience: .seconds(5)))
            let letter = try await bench.pool.query(
                Statement("SELECT type, recorded_at FROM dead_letters"))
            #expect(letter.count == 1)
            #expect(try letter.first?.optionalTime("recorded_at") == nil)
        }
    }

    @Test func `a handler's database error that passes is tried again`() async throws {
        try await Bench.run("inbox_retry") { bench async throws in
            let calls = Tally()
            let processor = bench.processor(
                handler: ClosureHandler { _, transaction in
                    guard calls.add() < 3 else { return }
                    _ = try await transaction.query(
                        Statement("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$"))
                })
            #expect(try await processor.process(record(of: try message()), patience: .seconds(5)))
            #expect(calls.count == 3)
            #expect(try await bench.count("dead_letters") == 0)
        }
    }

    @Test func `a constraint that says no is poison, not a loop`() async throws {
        try await Bench.run("inbox_refused") { bench async throws in
            let processor = bench.processor(
                handler: ClosureHandler { _, transaction in
                    _ = try await transaction.query(Statement("SELECT 1 / 0"))
                })
            #expect(try await processor.process(record(of: try message()), patience: .seconds(5)))
            #expect(try await bench.count("dead_letters WHERE error_class = 'exhausted'") == 1)
        }
    }
}

@Suite struct PartitionsTests {
    private func days(_ bench: Bench, _ parent: String) async throws -> [String] {
        try await bench.pool.query(
            Statement(
                """
                SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                JOIN pg_class p ON p.oid = i.inhparent WHERE p.relname = $1 ORDER BY 1
                """, [.text(parent)])
        ).map { try $0.text("name") }
    }

    @Test func `partitions are there across midnight, whatever the clock says`() async throws {
        try await Bench.run("partitions_midnight") { bench async throws in
            let partitions = Partitions(
                pool: bench.pool, loop: bench.loop, logger: QuietLog.logger())
            let before = try #require(WallTime(iso8601: "2031-05-06T23:59:59.999Z"))
            let after = before.advanced(by: .milliseconds(2))
            try await partitions.ensure(around: before)
            #expect(try await days(bench, "inbox").contains("inbox_20310513"))
            #expect(try await !days(bench, "inbox").contains("inbox_20310514"))
            for time in [before, after] {
                try await bench.pool.execute(Outbox.statement(for: try message(at: time)))
            }
            try await partitions.ensure(around: after)
            #expect(try await days(bench, "outbox").contains("outbox_20310514"))
            // The same id meets the same row although midnight lies in between.
            let late = try message(at: before)
            let first = try await bench.pool.transaction {
                try await Inbox(consumer: "c").firstSight(of: late.envelope.messageID, in: $0)
            }
            try await partitions.ensure(around: after)
            let second = try await bench.pool.transaction {
                try await Inbox(consumer: "c").firstSight(of: late.envelope.messageID, in: $0)
            }
            #expect(first && !second)
        }
    }

    @Test func `the hourly round follows its clock across midnight`() async throws {
        try await Bench.run("partitions_hourly") { bench async throws in
            let start = try #require(WallTime(iso8601: "2033-01-01T23:00:00Z"))
            let rounds = Tally()
            let partitions = Partitions(
                pool: bench.pool, loop: bench.loop, logger: QuietLog.logger(),
                interval: .milliseconds(5),
                now: { start.advanced(by: .seconds(1800 * rounds.add())) })
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await partitions.run() }
                try await eventually("the day after midnight is ready") {
                    try await days(bench, "inbox").contains("inbox_20330109")
                }
                group.cancelAll()
                await #expect(throws: (any Error).self) { try await group.next() }
            }
        }
    }

    @Test func `a message newer than the newest partition makes it and is handled`() async throws {
        try await Bench.run("partitions_newer") { bench async throws in
            let processor = bench.processor(handler: ClosureHandler { _, _ in })
            let ahead = WallTime.now().advanced(by: .seconds(86_400 * 7 + 80_000))
            let record = record(of: try message(at: ahead))
            #expect(try await processor.process(record, patience: .seconds(5)))
            #expect(try await bench.count("inbox") == 1)
            #expect(try await bench.count("dead_letters") == 0)
        }
    }

    @Test(arguments: [Int64(9), -30])
    func `a message of no day we keep goes to the dead letters`(days: Int64) async throws {
        try await Bench.run("partitions_range") { bench async throws in
            let processor = bench.processor(handler: ClosureHandler { _, _ in })
            let time = WallTime.now().advanced(by: .seconds(86_400 * days))
            #expect(
                try await processor.process(
                    record(of: try message(at: time)), patience: .seconds(5)))
            #expect(
                try await bench.count(
                    "dead_letters WHERE error_code = 'message_id_out_of_range'") == 1)
        }
    }

    @Test func `old days are dropped, unless a row still waits in one`() async throws {
        try await Bench.run("partitions_drop") { bench async throws in
            let partitions = Partitions(
                pool: bench.pool, loop: bench.loop, logger: QuietLog.logger())
            let past = try #require(WallTime(iso8601: "2020-01-10T12:00:00Z"))
            try await partitions.ensure(around: past)
            try await bench.pool.execute(Outbox.statement(for: try message(at: past)))
            try await partitions.maintain(at: .now())
            #expect(try await days(bench, "outbox").first == "outbox_20200110")
            #expect(try await days(bench, "outbox").filter { $0.hasPrefix("outbox_2020") }.count == 1)
            #expect(try await !days(bench, "inbox").contains { $0.hasPrefix("inbox_2020") })
        }
    }
}
