import Basics
import Configuration
import Contracts
import HTTP
import ServiceKit
import Sockets
import Support
import Telemetry
import Testing

@testable import OrderService

/// What streams ask of the database, and how they learn what another replica committed.
@Suite struct TimelinePollerTests {
    private func poller(_ bench: OrderBench, chunkMax: Int = TimelinePoller.chunkMax)
        -> TimelinePoller
    {
        TimelinePoller(
            pool: bench.pool, signals: bench.signals, loop: bench.loop,
            logger: QuietLog.logger(), interval: .milliseconds(10), chunkMax: chunkMax)
    }

    private var elsewhere: OrderBench.Options {
        var options = OrderBench.Options()
        options.signalsCommits = false
        return options
    }

    @Test func `quiet streams ask the database nothing`() async throws {
        var options = OrderBench.Options()
        options.streams.pollInterval = .milliseconds(10)
        options.streams.heartbeat = .milliseconds(20)
        try await OrderBench.run(options) { bench async throws in
            let talk = try await Dialogue.begin(bench)
            let streams = [try await talk.open(), try await talk.open(), try await talk.open()]
            try await StreamReader.reading(streams) { readers in
                try await eventually("the first events") {
                    readers.allSatisfy { $0.heartbeats >= 1 }
                }
                let before = bench.acquisitions
                try await eventually("time to ask in") {
                    readers.allSatisfy { $0.heartbeats >= 5 }
                }
                #expect(bench.acquisitions == before)
                #expect(readers.allSatisfy { $0.ids == ["1"] })
            }
        }
    }

    @Test func `one poll asks for all followed orders, and wakes those that have grown`()
        async throws
    {
        try await OrderBench.run(elsewhere) { bench async throws in
            var (talks, streams): ([Dialogue], [Response]) = ([], [])
            let poller = poller(bench, chunkMax: 2)
            var before = bench.acquisitions
            try await poller.poll()
            #expect(bench.acquisitions == before, "nobody follows anything")
            for _ in 0..<5 {
                talks.append(try await Dialogue.begin(bench))
                streams.append(try await talks[talks.count - 1].open())
            }
            try await StreamReader.reading(streams) { readers in
                try await eventually("the first events") {
                    readers.allSatisfy { $0.ids == ["1"] }
                        && bench.signals.count == 5
                }
                before = bench.acquisitions
                try await poller.poll()
                #expect(bench.acquisitions == before + 3, "five orders, two in a query")
                for talk in talks {
                    try await talk.hear(InventoryReplies.Reserved(), to: .reserve)
                }
                #expect(readers.allSatisfy { $0.ids == ["1"] }, "nothing was signalled")
                try await poller.poll()
                try await eventually("the events") { readers.allSatisfy { $0.ids == ["1", "2"] } }
            }
        }
    }

    @Test func `a stream ends when another replica ends its order`() async throws {
        try await OrderBench.run(elsewhere) { bench async throws in
            let poller = poller(bench)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    do { try await poller.run() } catch is CancellationError {
                        // Ignored: this is how the test ends it.
                    }
                }
                let talk = try await Dialogue.begin(bench)
                let response = try await talk.open()
                try await StreamReader.reading(response) { reader in
                    try await eventually("the first event") { reader.ids == ["1"] }
                    try await talk.hear(
                        InventoryReplies.ReserveRejected(reason: .noStock), to: .reserve)
                    try await eventually("the stream's end") { bench.signals.count == 0 }
                    #expect(reader.ids == ["1", "2", "3"])
                }
                group.cancelAll()
            }
        }
    }

    @Test func `the service runs a poller`() async throws {
        try await OrderBench.run { bench async throws in
            let context = ServiceContext(
                name: "order", loop: bench.loop, logger: QuietLog.logger(),
                metrics: QuietLog.metrics(),
                environment: EnvironmentReader([
                    "MERCATO_DATABASE_URL": bench.database.appConninfo.reveal(),
                    "MERCATO_DATABASE_OWNER_URL": bench.database.ownerConninfo.reveal(),
                ]), readiness: Readiness(), random: .system)
            let services = try OrderApplication(context).composition.services
            #expect(services.count { $0 is TimelinePoller } == 1)
        }
    }
}
