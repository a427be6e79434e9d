import Basics
import Messaging
import Postgres
import Resilience
import ServiceKit
import Sockets
import Telemetry

/// Works on operations without a certain outcome until they have one (D12). At most `concurrency`
/// at once, so a slow provider holds up its own calls and nothing else (BH).
///
/// It begins at boot with whatever an earlier process left, is woken after each commit that writes
/// an intent, and looks on its own for operations whose back-off or lease has run out.
actor OperationRunner: LongRunning {
    struct Settings: Sendable {
        var concurrency = 32
        /// How often leases are renewed; well below the lease itself.
        var renewal = Duration.seconds(3)
        /// How long a due operation can stay unseen when nobody wakes the runner.
        var scan = Duration.milliseconds(500)
        /// Between calls of one operation without a certain outcome.
        var backoff = Backoff(base: .seconds(1), cap: .seconds(15))
        var keyTimeToLive = Duration.seconds(24 * 3600)
    }

    nonisolated let name = "operation-runner"
    private let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let settings: Settings
    private let operations: OperationStore
    private let settler: OperationSettler
    private let provider: any PaymentCompany
    private let failpoints: Failpoints
    private let random: RandomSource
    private let logger: Logger
    private let tracer: Tracer
    private let metrics: RunnerMetrics
    private let signal: AsyncSignal
    private var active: Set<UniqueID> = []

    /// Tries of the second transaction before the operation is left to its lease: a later replay of
    /// the key brings the same outcome.
    private static let settleTriesMax = 5

    init(
        settings: Settings, operations: OperationStore, settler: OperationSettler,
        provider: any PaymentCompany, failpoints: Failpoints, signal: AsyncSignal,
        random: RandomSource, loop: EventLoop, logger: Logger, metrics: MetricsRegistry,
        tracer: Tracer = .disabled
    ) {
        self.settings = settings
        self.operations = operations
        self.settler = settler
        self.provider = provider
        self.failpoints = failpoints
        self.signal = signal
        self.random = random
        self.loop = loop
        self.logger = logger
        self.tracer = tracer
        self.metrics = RunnerMetrics(metrics)
    }

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.renewLeases() }
            group.addTask { try await self.claimForever() }
            // The first one to end, by error or cancellation, ends the other.
            defer { group.cancelAll() }
            _ = try await group.next()
        }
    }

    private func claimForever() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            while true {
                let free = settings.concurrency - active.count
                let claimed = free > 0 ? try await claim(free) : []
                for operation in claimed {
                    active.insert(operation.id)
                    group.addTask { await self.work(on: operation) }
                }
                // A full batch means that there may be more; else wait for a wake-up or the scan.
                if !claimed.isEmpty && claimed.count == free { continue }
                _ = try await signal.wait(atMost: settings.scan, on: loop)
            }
        }
    }

    /// A database that is away is not an error of the runner: it looks again at the next scan.
    private func claim(_ limit: Int) async throws -> [ClaimedOperation] {
        do {
            return try await operations.claim(limit: limit)
        } catch let error as PostgresError {
            try Task.checkCancellation()
            logger.warning("operations not claimed", ["error": .init(describing: error)])
            return []
        }
    }

    private func renewLeases() async throws {
        while true {
            try await loop.sleep(for: settings.renewal)
            guard !active.isEmpty else { continue }
            do {
                try await operations.renew(Array(active))
            } catch let error as PostgresError {
                try Task.checkCancellation()
                logger.warning("leases not renewed", ["error": .init(describing: error)])
            }
        }
    }

    private func work(on operation: ClaimedOperation) async {
        metrics.active.add(1)
        defer {
            active.remove(operation.id)
            metrics.active.add(-1)
            signal.raise()
        }
        do {
            try await tracer.withSpan(
                "payment \(operation.kind)", resuming: operation.command.traceparent,
                attributes: [
                    "mercato.order_id": .string("\(operation.order)"),
                    "mercato.payment.attempt": .init(operation.attempt),
                    "mercato.payment.tries": .init(operation.tries),
                ]
            ) { try await carryOut(operation) }
        } catch is CancellationError {
            // Ignored: the lease runs out and the next process replays the key.
        } catch {
            logger.warning(
                "operation left to its lease",
                ["key": .string(operation.key), "error": .init(describing: error)])
        }
    }

    private func carryOut(_ operation: ClaimedOperation) async throws {
        let move = try await resolve(operation)
        if case .settle(let outcome) = move {
            try await settle(operation, outcome)
        } else if case .later(let note) = move {
            try await postpone(operation, note)
        }
    }

    /// Exchanges with the provider until the discipline says settle or later. No transaction is
    /// open meanwhile (D18).
    private func resolve(_ operation: ClaimedOperation) async throws -> KeyDiscipline.Move {
        let discipline = KeyDiscipline(keyTimeToLive: settings.keyTimeToLive)
        var move = discipline.first(operation.history)
        while true {
            if case .send = move { failpoints.hit(.beforeCall) }
            let exchange: Exchange
            switch move {
            case .send: exchange = try await provider.send(operation)
            case .query: exchange = try await provider.query(operation)
            case .cancel: exchange = try await provider.cancel(operation)
            case .settle, .later: return move
            }
            metrics.count(move, exchange)
            move = discipline.next(after: move, exchange, operation.history)
        }
    }

    private func settle(_ operation: ClaimedOperation, _ outcome: CallOutcome) async throws {
        failpoints.hit(.afterAnswer)
        var tries = 0
        while true {
            do {
                try await settler.settle(operation, outcome)
                return
            } catch let contradiction as Contradiction {
                // Compensation has no failed end state (D3): keep the operation, call an operator.
                logger.error(
                    "outcome contradicts the books",
                    ["key": .string(operation.key), "code": .string(contradiction.code)])
                metrics.contradictions.increment()
                let note = KeyDiscipline.Note(error: contradiction.code, needsOperator: true)
                try await operations.postpone(
                    operation.id, note, delay: settings.backoff.cap)
                return
            } catch let error as PostgresError where error.isRetriable || error.isUnavailable {
                tries += 1
                guard tries < Self.settleTriesMax else { throw error }
                try await loop.sleep(for: .milliseconds(50 << tries))
            }
        }
    }

    private func postpone(_ operation: ClaimedOperation, _ note: KeyDiscipline.Note) async throws {
        if note.isPending { try await settler.settle(operation, .pending) }
        let delay =
            note.needsOperator
            ? settings.backoff.cap
            : settings.backoff.delay(attempt: operation.tries, random: random)
        let fields: LogFields = [
            "key": .string(operation.key), "error": .string(note.error),
            "tries": .init(operation.tries), "again_in_ms": .init(delay.inMilliseconds),
        ]
        if note.needsOperator {
            logger.error("provider refuses an operation; an operator must look", fields)
            metrics.contradictions.increment()
        } else {
            logger.notice("outcome unknown; the same key again later", fields)
        }
        try await operations.postpone(operation.id, note, delay: delay)
    }
}

/// What the runner counts.
struct RunnerMetrics: Sendable {
    let active: Gauge
    let contradictions: Counter
    private let calls: CounterFamily<Called>

    private struct Called: Hashable, Sendable {
        let call: String
        let result: String
    }

    init(_ registry: MetricsRegistry) {
        calls = CounterFamily(
            registry, "mercato_payment_provider_calls_total",
            help: "Calls to the provider by result.",
            from: ["done", "refused", "server_error", "unknown"].map {
                Called(call: "send", result: $0)
            }
        ) { ["call": $0.call, "result": $0.result] }
        active = registry.gauge(
            "mercato_payment_operations_active", help: "Operations being worked on.")
        contradictions = registry.counter(
            "mercato_payment_contradictions_total",
            help: "Outcomes that contradict the books; each needs an operator.")
    }

    func count(_ move: KeyDiscipline.Move, _ exchange: Exchange) {
        let (call, result): (String, String)
        switch move {
        case .send: call = "send"
        case .query: call = "query"
        case .cancel: call = "cancel"
        case .settle, .later: return
        }
        switch exchange {
        case .outcome(.done): result = "done"
        case .outcome(.refused): result = "refused"
        case .outcome(.pending): result = "pending"
        case .outcome(.fenced): result = "fenced"
        case .serverError: result = "server_error"
        case .inProgress: result = "in_progress"
        case .silence: result = "unknown"
        case .notFound: result = "not_found"
        case .rejected: result = "rejected"
        }
        calls[Called(call: call, result: result)].increment()
    }
}
