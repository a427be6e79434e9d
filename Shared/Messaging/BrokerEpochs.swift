import Basics
import Contracts
package import Kafka
package import Postgres
import Resilience
package import Sockets
package import Telemetry

/// The broker is a cache of the outbox: this notices when the cache was lost, and starts the refill
/// (D9). New epoch → the service's refill runs to its end (events published again, sagas woken),
/// then every consumer of this process seeks to the start.
package actor BrokerEpochs {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.asUnownedSerialExecutor()
    }

    /// Looks at the cluster: its id, and our canary record.
    package typealias Probe = @Sendable () async throws -> ClusterView

    private let service: String
    private let store: EpochStore
    private let publisher: any RecordPublisher
    private let logger: Logger
    private let interval: Duration
    private let probe: Probe
    private let refill: [Statement]
    private let refilled: @Sendable () -> Void
    private let suspicion = AsyncSignal()
    private let gauge: Gauge
    private var outOfRange = false
    private var subscribers: [@Sendable () async -> Void] = []
    private var seenEpoch: Int64?

    /// The epoch this process works in; 0 until the broker was first seen.
    package var current: Int64 { seenEpoch ?? 0 }
    /// What the last look at the broker said; nil before the first, and after a lost connection.
    package private(set) var reachable: Bool?

    package init(
        service: String, pool: Pool, publisher: any RecordPublisher, loop: EventLoop,
        logger: Logger, metrics: MetricsRegistry, interval: Duration = .seconds(5),
        refill: [Statement] = [], refilled: @escaping @Sendable () -> Void = {},
        probe: @escaping Probe
    ) {
        self.service = service
        store = EpochStore(pool: pool)
        self.publisher = publisher
        self.loop = loop
        self.logger = logger
        self.interval = interval
        self.refill = refill
        self.refilled = refilled
        self.probe = probe
        gauge = metrics.gauge("broker_epoch", help: "The broker epoch this process works in.")
    }

    /// `body` is called, on the loop, after each change of epoch this process sees.
    package func subscribe(_ body: @escaping @Sendable () async -> Void) {
        subscribers.append(body)
    }

    /// Something looked odd (a missing offset): look now, not at the next turn.
    package nonisolated func suspect() { suspicion.raise() }

    /// A connection broke: until the next look has succeeded, the broker counts as away.
    package func doubt() {
        reachable = nil
        suspicion.raise()
    }

    /// An offset of ours lies beyond the log's end: the tail we knew is gone.
    package func reportOutOfRange() {
        outOfRange = true
        suspicion.raise()
    }

    /// Looks at every interval, and at once after a suspicion; until cancelled.
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
        // Taken before the first wait: a report that comes meanwhile is for the next look.
        let beyond = outOfRange
        outOfRange = false
        do {
            try await judge(view, outOfRange: beyond)
        } catch {
            outOfRange = outOfRange || beyond
            throw error
        }
    }

    private func judge(_ view: ClusterView, outOfRange: Bool) async throws {
        var known = try await store.latest()
        var changed = false
        switch EpochVerdict.judge(known: known, seen: view, outOfRange: outOfRange) {
        case .same:
            if let known, !known.isCanaryOut { try await store.noteCanary(of: known.epoch) }
        case .canaryOwed:
            if let known { try await sendCanary(of: known) }
        case .first:
            known = try await begin(1, view, cause: "first_start")
        case .new(let cause):
            known = try await begin((known?.epoch ?? 0) + 1, view, cause: cause)
            changed = true
        }
        if let known, !known.isRefilled {
            try await store.refill(known.epoch, with: known.epoch == 1 ? [] : refill)
            refilled()
        }
        await follow(known?.epoch ?? 0, changed: changed)
    }

    /// Records the epoch. What was acknowledged by the old log and is not marked yet stays
    /// unmarked, so the new log gets it.
    private func begin(_ epoch: Int64, _ view: ClusterView, cause: String) async throws
        -> BrokerEpoch?
    {
        let fresh = BrokerEpoch(
            epoch: epoch, clusterID: view.clusterID, canary: UniqueID.v7().description,
            isCanaryOut: false, isRefilled: false)
        // Another replica was faster: its row is the truth, and its canary is on its way.
        guard try await store.insert(fresh, cause: cause) else { return try await store.latest() }
        logger.warning(
            "broker epoch began",
            ["epoch": .integer(epoch), "cause": .string(cause), "cluster": .string(view.clusterID)])
        try await sendCanary(of: fresh)
        return fresh
    }

    /// Not acknowledged: the next look finds it owed and sends it again.
    private func sendCanary(of epoch: BrokerEpoch) async throws {
        let record = ProducerRecord(
            topic: Topics.canary.name, partition: 0, key: Array(service.utf8),
            value: Array(epoch.canary.utf8))
        switch await publisher.send([record]).first {
        case .success: try await store.noteCanary(of: epoch.epoch)
        case .failure(let error):
            logger.warning("canary not delivered", ["error": .string("\(error)")])
        case nil: break
        }
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
