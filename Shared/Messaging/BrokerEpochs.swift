import Basics
import Contracts
package import Kafka
package import Postgres
import Resilience
package import Sockets
package import Telemetry

/// The broker is a cache of the outbox: this notices when the cache was lost, and starts the refill
/// (D9). New epoch → the service's own statements run in the transaction that records it (events
/// published again, sagas woken), then every consumer of this process seeks to the start.
package actor BrokerEpochs {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.asUnownedSerialExecutor()
    }

    /// Looks at the cluster: its id, and our canary record.
    package typealias Probe = @Sendable () async throws -> ClusterView

    private let service: String
    private let pool: Pool
    private let publisher: any RecordPublisher
    private let logger: Logger
    private let interval: Duration
    private let probe: Probe
    private let refill: [Statement]
    private let suspicion = AsyncSignal()
    private let gauge: Gauge
    private var outOfRange = false
    private var subscribers: [@Sendable () async -> Void] = []
    private var seenEpoch: Int64?

    /// The epoch this process works in; 0 until the broker was first seen.
    package var current: Int64 { seenEpoch ?? 0 }
    /// When the broker last answered; nil when its last probe failed.
    package private(set) var reachable: Bool?

    package init(
        service: String, pool: Pool, publisher: any RecordPublisher, loop: EventLoop,
        logger: Logger, metrics: MetricsRegistry, interval: Duration = .seconds(5),
        refill: [Statement] = [], probe: @escaping Probe
    ) {
        self.service = service
        self.pool = pool
        self.publisher = publisher
        self.loop = loop
        self.logger = logger
        self.interval = interval
        self.refill = refill
        self.probe = probe
        gauge = metrics.gauge("broker_epoch", help: "The broker epoch this process works in.")
    }

    /// `body` is called, on the loop, after each change of epoch this process sees.
    package func subscribe(_ body: @escaping @Sendable () async -> Void) {
        subscribers.append(body)
    }

    /// Something looked odd (a lost connection, a missing offset): look now, not at the next turn.
    package nonisolated func suspect() { suspicion.raise() }

    /// An offset of ours lies beyond the log's end: the tail we knew is gone.
    package func reportOutOfRange() {
        outOfRange = true
        suspicion.raise()
    }

    package func run() async throws {
        while true {
            do {
                try await check()
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                logger.debug("broker not judged", ["error": .init(describing: error)])
            }
            _ = try await suspicion.wait(atMost: interval, on: loop)
        }
    }

    /// One look at the broker, and what follows from it.
    package func check() async throws {
        let view: ClusterView
        do {
            view = try await probe()
            reachable = true
        } catch {
            reachable = false
            throw error
        }
        let beyond = outOfRange
        var known = try await latest()
        var changed = false
        switch EpochVerdict.judge(known: known, seen: view, outOfRange: beyond) {
        case .same:
            break
        case .first:
            known = try await begin(1, after: known, view, cause: "first_start")
        case .new(let cause):
            known = try await begin((known?.epoch ?? 0) + 1, after: known, view, cause: cause)
            changed = true
        }
        outOfRange = false
        await follow(known?.epoch ?? 0, changed: changed)
    }

    private func latest() async throws -> BrokerEpoch? {
        let rows = try await pool.query(
            Statement(
                "SELECT epoch, cluster_id, canary FROM broker_epochs ORDER BY epoch DESC LIMIT 1"))
        return try rows.first.map {
            BrokerEpoch(
                epoch: try $0.integer("epoch"), clusterID: try $0.text("cluster_id"),
                canary: try $0.id("canary").description)
        }
    }

    /// Records the epoch; with it, unless this is the very first, the service's refill.
    private func begin(
        _ epoch: Int64, after known: BrokerEpoch?, _ view: ClusterView, cause: String
    ) async throws -> BrokerEpoch? {
        let canary = UniqueID.v7()
        let insert = Statement(
            """
            INSERT INTO broker_epochs (epoch, cluster_id, canary, cause) VALUES ($1, $2, $3, $4)
            ON CONFLICT (epoch) DO NOTHING
            """, [.integer(epoch), .text(view.clusterID), .id(canary), .text(cause)])
        let refill = known == nil ? [] : refill
        let won = try await pool.transaction { transaction in
            guard try await transaction.execute(insert) == 1 else { return false }
            if !refill.isEmpty { _ = try await transaction.pipeline(refill) }
            return true
        }
        // Another replica was faster: its row is the truth, and its canary is on its way.
        guard won else { return try await latest() }
        logger.warning(
            "broker epoch began",
            ["epoch": .integer(epoch), "cause": .string(cause), "cluster": .string(view.clusterID)])
        let record = ProducerRecord(
            topic: Topics.canary.name, partition: 0, key: Array(service.utf8),
            value: Array(canary.description.utf8))
        // Not delivered: the next look finds the canary missing and begins yet another epoch.
        for case .failure(let error) in await publisher.send([record]) {
            logger.warning("canary not delivered", ["error": .string("\(error)")])
        }
        return BrokerEpoch(epoch: epoch, clusterID: view.clusterID, canary: canary.description)
    }

    /// Runs this process's part: a replica that did not record the epoch must seek as well.
    private func follow(_ epoch: Int64, changed: Bool) async {
        gauge.set(Double(epoch))
        let before = seenEpoch
        seenEpoch = epoch
        guard changed || before != nil && before != epoch else { return }
        for subscriber in subscribers { await subscriber() }
    }
}
