import Basics
package import HTTP
package import Sockets
package import Telemetry

/// An HTTP/1.1 server on one event loop.
///
/// `start` takes the port; `run` serves until its task is cancelled and then drains: it stops
/// accepting, tells clients `Connection: close`, and cancels what is left when the limit is over.
package actor Server {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.asUnownedSerialExecutor()
    }

    let configuration: ServerConfiguration
    let logger: Logger
    let instruments: ServerInstruments
    nonisolated let state: ServerState
    private let slots: LoopSemaphore
    /// For connections whose TLS handshake is under way.
    let handshakes: LoopSemaphore
    private let peers: SharedPeerCount
    private let sharesPort: Bool
    private var listener: TCPListener?
    private var connections: [UInt64: ConnectionDriver] = [:]
    private var lastNumber: UInt64 = 0
    /// Waits for the last connection in a drain.
    private var emptied: CheckedContinuation<Void, Never>?

    package init(
        configuration: ServerConfiguration, router: Router, loop: EventLoop, logger: Logger,
        metrics: MetricsRegistry
    ) {
        self.init(
            configuration: configuration, router: router, loop: loop, logger: logger,
            metrics: metrics,
            peers: SharedPeerCount(
                connectionsMax: configuration.limits.connectionsPerPeerMax))
    }

    /// One of a group, when `sharesPort`.
    init(
        configuration: ServerConfiguration, router: Router, loop: EventLoop, logger: Logger,
        metrics: MetricsRegistry, peers: SharedPeerCount, sharesPort: Bool = false
    ) {
        self.configuration = configuration
        self.peers = peers
        self.sharesPort = sharesPort
        self.loop = loop
        self.logger = logger.with(["server": .string(configuration.name)])
        instruments = ServerInstruments(
            metrics, server: configuration.name, hasTLS: configuration.tls != nil)
        state = ServerState(
            limits: configuration.limits, routes: RouteTable(router), loop: loop,
            logger: self.logger, instruments: instruments)
        slots = LoopSemaphore(permits: configuration.limits.connectionsMax)
        handshakes = LoopSemaphore(permits: configuration.limits.handshakesMax)
    }

    /// Open connections.
    package var connectionCount: Int { connections.count }

    /// Listens, and returns the port. Connections wait in the kernel's queue until `run`.
    ///
    /// Throws `SocketError` with `.addressInUse(port)` when somebody else has the port.
    @discardableResult
    package func start() async throws(SocketError) -> Int {
        try start(on: configuration.port)
    }

    var isListening: Bool { listener != nil }

    @discardableResult
    func start(on port: Int) throws(SocketError) -> Int {
        if let listener { return listener.port }
        var limits = TCPLimits()
        limits.writeStall = configuration.limits.writeStall
        let listener = try TCPListener(
            host: configuration.host, port: port, sharesPort: sharesPort,
            limits: limits, loop: loop)
        self.listener = listener
        logger.info(
            "listening",
            ["host": .string(configuration.host), "port": .integer(Int64(listener.port))])
        return listener.port
    }

    /// Serves until cancelled, drains, and returns. Starts first when `start` was not called.
    package func run() async throws {
        try await start()
        guard let listener else { return }
        var failure: SocketError?
        do throws(SocketError) {
            try await acceptConnections(listener)
        } catch {
            if error.code != .cancelled { failure = error }
        }
        await listener.close()
        self.listener = nil
        await drain()
        if let failure { throw failure }
    }

    /// The end is near: requests are still taken, and each answer says `Connection: close`. So clients
    /// are on another server of the same name before `run` is cancelled, and no request meets a
    /// connection that is just being closed (HC-3).
    package func letGo() { state.isLettingGo = true }

    private func acceptConnections(_ listener: TCPListener) async throws(SocketError) {
        while true {
            do {
                try await slots.acquire()
                try await acquireHandshake()
            } catch {
                throw SocketError(.cancelled, "accept")
            }
            do throws(SocketError) {
                admit(try await listener.accept())
            } catch {
                slots.release()
                releaseHandshake()
                throw error
            }
        }
    }

    private func admit(_ connection: TCPConnection) {
        let peer = connection.peerHost
        guard peers.open(peer) else {
            slots.release()
            releaseHandshake()
            instruments.refused(ServerInstruments.tooManyOfOnePeer)
            logger.debug("too many connections of one peer", ["peer": .string(peer)])
            connection.assumeIsolated { $0.close() }
            return
        }
        lastNumber += 1
        let number = lastNumber
        let driver = ConnectionDriver(connection, state) { [weak self] in
            self?.assumeIsolated { $0.ended(number, peer) }
        }
        connections[number] = driver
        instruments.connections.add(1)
        instruments.accepted.increment()
        if configuration.tls == nil {
            driver.start()
        } else {
            driver.start { await self.secured(connection) }
        }
    }

    private func ended(_ number: UInt64, _ peer: String) {
        connections[number] = nil
        peers.close(peer)
        slots.release()
        instruments.connections.add(-1)
        guard connections.isEmpty else { return }
        emptied?.resume()
        emptied = nil
    }

    private func drain() async {
        let limits = configuration.limits
        for driver in Array(connections.values) { driver.drain() }
        let streams = loop.schedule(after: limits.streamDrain) {
            self.assumeIsolated { $0.cancelConnections(onlyStreams: true) }
        }
        let rest = loop.schedule(after: limits.drain) {
            self.assumeIsolated { server in
                let left = server.connections.count
                if left > 0 {
                    server.logger.warning(
                        "drain limit reached", ["connections": .integer(Int64(left))])
                }
                server.cancelConnections(onlyStreams: false)
            }
        }
        defer {
            loop.cancel(streams)
            loop.cancel(rest)
        }
        // This wait is not ended by the cancellation of `run`.
        while !connections.isEmpty { await withCheckedContinuation { emptied = $0 } }
        state.runners.stop()
    }

    private func cancelConnections(onlyStreams: Bool) {
        for driver in connections.values where !onlyStreams || driver.isStreaming {
            driver.cancel()
        }
    }
}
