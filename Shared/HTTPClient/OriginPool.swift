import Basics
import Sockets
import Synchronization

/// The connections to one origin. The one used last is used first, so that the others can age out.
actor OriginPool {
    private struct Parked {
        let number: UInt64
        let connection: TCPConnection
        let timer: TimerToken
    }

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    let origin: Origin
    private let configuration: ClientConfiguration
    private let permits: LoopSemaphore
    private var idle: [Parked] = []
    private var lastNumber: UInt64 = 0
    /// What the gauges were told. Pools of several loops share them, so they hear of changes.
    private var reported = (active: 0, idle: 0)
    nonisolated let metrics: OriginMetrics?

    init(
        origin: Origin, configuration: ClientConfiguration, loop: EventLoop,
        metrics: OriginMetrics? = nil
    ) {
        self.metrics = metrics
        self.origin = origin
        self.configuration = configuration
        self.loop = loop
        permits = LoopSemaphore(
            permits: configuration.maxConnectionsPerOrigin, waitersMax: configuration.maxPending)
    }

    var idleCount: Int { idle.count }
    nonisolated var activeCount: Int { configuration.maxConnectionsPerOrigin - permits.available }

    nonisolated var waitingCount: Int { permits.waiting }

    /// A connection for one exchange: a pooled one when allowed and alive, else a new one.
    func lease(mayReuse: Bool, deadline: Deadline) async throws(ClientError) -> Lease {
        try await acquirePermit(deadline)
        defer { report() }
        if mayReuse, let connection = takeIdle() {
            return Lease(connection, from: self, isReused: true)
        }
        do throws(ClientError) {
            let connection = try await connect(deadline)
            if origin.scheme == .https {
                try await ClientTLS.secure(connection, to: origin, configuration, deadline: deadline)
            }
            return Lease(connection, from: self, isReused: false)
        } catch {
            permits.release()
            throw error
        }
    }

    private func connect(_ deadline: Deadline) async throws(ClientError) -> TCPConnection {
        do throws(SocketError) {
            return try await TCPConnection.connect(
                host: origin.host, port: origin.port,
                timeout: min(configuration.connectTimeout, deadline.remaining),
                settings: configuration.connect, on: loop)
        } catch {
            throw ClientError(
                error.code == .cancelled ? .cancelled : .connectFailed, "connect to \(origin)",
                underlying: error, nothingWritten: true)
        }
    }

    private func acquirePermit(_ deadline: Deadline) async throws(ClientError) {
        if permits.tryAcquire() { return }
        let limit = min(configuration.poolWait, deadline.remaining)
        let permits = permits
        do {
            try await loop.withTimeout(limit) { try await permits.acquire() }
        } catch is CancellationError {
            throw ClientError(.cancelled, "waiting for a connection", nothingWritten: true)
        } catch {
            throw ClientError(
                .poolExhausted, "no free connection to \(origin)", underlying: error,
                nothingWritten: true)
        }
    }

    private func takeIdle() -> TCPConnection? {
        while let parked = idle.popLast() {
            loop.cancel(parked.timer)
            let isUsable = parked.connection.assumeIsolated { connection -> Bool in
                // Ignored: removing the handler has nothing that could fail.
                try? connection.whileUnused(nil)
                // An end, or bytes that nobody asked for, may have come in this very turn (U5, U6).
                let isUsable = connection.isQuiet()
                if !isUsable { connection.close() }
                return isUsable
            }
            if isUsable { return parked.connection }
        }
        return nil
    }

    /// Keeps a connection whose exchange ended cleanly, for `time` at most.
    func park(_ connection: TCPConnection, for time: Duration) {
        permits.release()
        defer { report() }
        lastNumber += 1
        let number = lastNumber
        if idle.count >= configuration.maxIdlePerOrigin { drop(idle.first?.number ?? 0) }
        let timer = loop.schedule(after: time) { [weak self] in
            self?.assumeIsolated { $0.drop(number) }
        }
        idle.append(Parked(number: number, connection: connection, timer: timer))
        do {
            // Runs at once when something has come already; then nothing is kept.
            try connection.assumeIsolated { connection in
                try connection.whileUnused { [weak self] in
                    self?.assumeIsolated { $0.drop(number) }
                }
            }
        } catch {
            drop(number)
        }
    }

    /// Closes a connection whose exchange did not end cleanly; with a reset when its request is not
    /// complete, so that nobody takes half a body for a whole one and the kernel keeps nothing of it.
    func discard(_ connection: TCPConnection, isCut: Bool = false) {
        connection.assumeIsolated { isCut ? $0.abort() : $0.close() }
        permits.release()
        report()
    }

    private func report() {
        let (active, unused) = (activeCount, idle.count)
        metrics?.connections(active: active - reported.active, idle: unused - reported.idle)
        reported = (active, unused)
    }

    func closeIdle() {
        for parked in idle {
            loop.cancel(parked.timer)
            parked.connection.assumeIsolated { $0.close() }
        }
        idle.removeAll()
        report()
    }

    private func drop(_ number: UInt64) {
        guard let index = idle.firstIndex(where: { $0.number == number }) else { return }
        let parked = idle.remove(at: index)
        report()
        loop.cancel(parked.timer)
        parked.connection.assumeIsolated { $0.close() }
    }
}

/// The use of a connection for one exchange. It ends once: given back, or discarded; also when
/// its owner just lets go of it.
final class Lease: Sendable {
    let connection: TCPConnection
    let isReused: Bool
    private let pool: OriginPool
    private let ended = Atomic<Bool>(false)

    init(_ connection: TCPConnection, from pool: OriginPool, isReused: Bool) {
        self.connection = connection
        self.pool = pool
        self.isReused = isReused
    }

    deinit {
        guard !ended.exchange(true, ordering: .relaxed) else { return }
        let (pool, connection) = (pool, connection)
        pool.loop.execute { pool.assumeIsolated { $0.discard(connection) } }
    }

    /// Loop thread only, as all ends of an exchange are.
    func giveBack(unusedFor time: Duration) {
        guard !ended.exchange(true, ordering: .relaxed) else { return }
        pool.assumeIsolated { $0.park(connection, for: time) }
    }

    func discard(isCut: Bool = false) {
        guard !ended.exchange(true, ordering: .relaxed) else { return }
        pool.assumeIsolated { $0.discard(connection, isCut: isCut) }
    }
}
