package import Basics
import Resilience
package import Sockets
package import Telemetry

/// Shares a bounded number of connections between callers; `PoolStateMachine` decides, this acts.
package actor Pool {
    private struct Waiter {
        let continuation: CheckedContinuation<Result<Connection, PostgresError>, Never>
        let timer: TimerToken
    }

    /// The thread that everything here runs on.
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        // Safe: the loop lives at least as long as this actor, which retains it.
        unsafe loop.asUnownedSerialExecutor()
    }

    /// What the pool was made with.
    package nonisolated let configuration: PoolConfiguration
    private nonisolated let logger: Logger
    private nonisolated let metrics: PoolMetrics
    nonisolated let spans: DatabaseSpans
    private var machine: PoolStateMachine
    private var connections: [UInt64: Connection] = [:]
    private var waiters: [UInt64: Waiter] = [:]
    private var lastWaiter: UInt64 = 0
    private var lastConnectError: PostgresError?
    private var dedicated: Set<UInt64> = []
    private var lastDedicated: UInt64 = 0
    /// How often `run()` looks for connections that are too old or missing.
    private static let upkeep = Duration.seconds(5)

    package init(
        configuration: PoolConfiguration, loop: EventLoop, logger: Logger,
        metrics: MetricsRegistry, random: RandomSource = .system, tracer: Tracer = .disabled
    ) {
        self.configuration = configuration
        self.loop = loop
        self.logger = logger
        self.metrics = PoolMetrics(
            metrics, pool: configuration.name, sizeMax: configuration.sizeMax)
        spans = DatabaseSpans(tracer, to: configuration.target)
        machine = PoolStateMachine(limits: configuration.poolLimits) { failures in
            PoolConfiguration.backoff.delay(attempt: failures, random: random)
        }
    }

    /// Keeps the minimum of connections open until cancelled. Optional: without it the pool opens
    /// connections on demand, and after it ends it still serves what is left to do.
    package func run() async throws {
        perform(machine.maintain(true))
        defer { perform(machine.maintain(false)) }
        while true {
            try await loop.sleep(for: Self.upkeep)
            perform(machine.tick(now: .now))
        }
    }

    /// Refuses everybody from now on; connections in use are closed when they come back.
    package func close() {
        perform(machine.close())
    }

    // MARK: Leases

    /// Waits for a connection. Each one must be given back with `release`.
    func acquire() async throws(PostgresError) -> Connection {
        lastWaiter += 1
        let number = lastWaiter
        let start = MonotonicInstant.now
        let outcome: Result<Connection, PostgresError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let timer = loop.schedule(after: configuration.acquireTimeout) { [weak self] in
                    self?.assumeIsolated { $0.giveUp(number, .timeout) }
                }
                waiters[number] = Waiter(continuation: continuation, timer: timer)
                perform(machine.acquire(number, now: start))
                // The handler of a task cancelled earlier ran before there was a waiter.
                if Task.isCancelled { giveUp(number, .cancelled) }
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.giveUp(number, .cancelled) } }
        }
        metrics.waitSeconds.observe(start.duration(to: .now))
        return try outcome.get()
    }

    func release(_ connection: Connection) async {
        let isReusable = await connection.isReusable
        perform(machine.released(connection.id, isReusable: isReusable, now: .now))
    }

    private func giveUp(_ number: UInt64, _ refusal: PoolStateMachine.Refusal) {
        perform(machine.giveUp(number, refusal))
    }

    // MARK: Effects

    private func perform(_ actions: [PoolStateMachine.Action]) {
        for action in actions {
            switch action {
            case .connect(let id, let delay):
                if delay > .zero {
                    _ = loop.schedule(after: delay) { [weak self] in
                        self?.assumeIsolated { $0.startConnecting(id) }
                    }
                } else {
                    startConnecting(id)
                }
            case .lease(let id, let number):
                guard let connection = connections[id] else { continue }
                answer(number, .success(connection))
            case .refuse(let number, let refusal):
                answer(number, .failure(error(for: refusal)))
            case .close(let id):
                guard let connection = connections.removeValue(forKey: id) else { continue }
                loop.execute { connection.assumeIsolated { $0.close() } }
            }
        }
        metrics.show(machine)
    }

    private func answer(_ number: UInt64, _ result: Result<Connection, PostgresError>) {
        guard let waiter = waiters.removeValue(forKey: number) else { return }
        loop.cancel(waiter.timer)
        waiter.continuation.resume(returning: result)
    }

    private func error(for refusal: PoolStateMachine.Refusal) -> PostgresError {
        switch refusal {
        case .timeout:
            metrics.timeouts.increment()
            if machine.isUnreachable, let lastConnectError { return lastConnectError }
            return PostgresError(
                .poolTimeout,
                "no connection became free within \(configuration.acquireTimeout.inMilliseconds) "
                    + "ms; all \(configuration.sizeMax) are in use or being opened")
        case .overloaded:
            metrics.overloads.increment()
            return PostgresError(
                .poolOverloaded, "\(configuration.waitersMax) callers wait for a connection already"
            )
        case .cancelled:
            return PostgresError(.cancelled, "cancelled while waiting for a connection")
        case .closed:
            return PostgresError(.closed, "the pool is closed")
        }
    }

    private func startConnecting(_ id: UInt64) {
        guard machine.attempts(id) else { return }
        // Reason: an attempt outlives the caller that caused it, because another may need the
        // connection; it ends by itself within the connect limit.
        _ = Task(executorPreference: loop) { await self.connect(id) }
    }

    private func connect(_ id: UInt64) async {
        do throws(PostgresError) {
            let connection = try await Connection.open(
                configuration.target, id: id, loop: loop, limits: configuration.connectionLimits,
                logger: logger
            ) { [weak self] id in
                guard let self else { return }
                self.loop.execute { self.assumeIsolated { $0.connectionEnded(id) } }
            }
            connections[id] = connection
            lastConnectError = nil
            perform(machine.connected(id, now: .now))
        } catch {
            lastConnectError = error
            metrics.connectFailures.increment()
            logger.warning("cannot connect to the database", ["error": .init(describing: error)])
            perform(machine.connectFailed(id))
        }
    }

    private func connectionEnded(_ id: UInt64) {
        perform(machine.lost(id))
    }
}

// MARK: Dedicated connections

extension Pool {
    /// A connection for one holder, outside the pool: advisory locks, a relay (D6). Whoever asks
    /// for it calls `close()`; it is never shared and never replaced when it breaks.
    ///
    /// - Parameter settings: session settings added to the pool's, for example
    ///   `["idle_session_timeout": "10s"]`.
    package func dedicatedConnection(
        settings: [String: String] = [:]
    ) async throws(PostgresError) -> Connection {
        guard dedicated.count < configuration.dedicatedMax else {
            throw PostgresError(
                .poolOverloaded, "\(dedicated.count) dedicated connections are open already")
        }
        lastDedicated += 1
        let id = lastDedicated
        dedicated.insert(id)
        var target = configuration.target
        target = ConnectionTarget(
            conninfo: target.conninfo, settings: target.settings.with(settings),
            applicationName: target.applicationName)
        do throws(PostgresError) {
            return try await Connection.open(
                target, id: id, loop: loop, limits: configuration.connectionLimits, logger: logger
            ) { [weak self] id in
                guard let self else { return }
                self.loop.execute { self.assumeIsolated { _ = $0.dedicated.remove(id) } }
            }
        } catch {
            dedicated.remove(id)
            throw error
        }
    }
}
