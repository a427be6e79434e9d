package import HTTP
package import Sockets
package import Telemetry

/// One server on several loops: each has a listener of its own on the same port (SO_REUSEPORT), and the
/// kernel gives every connection to one of them, where it stays.
///
/// Limits are those of the whole group, divided among its loops, except the one for each peer, which is
/// counted together. Handlers run on the loop of their connection, so what they share must be safe to
/// use from several threads.
package struct ServerGroup: Sendable {
    package let servers: [Server]
    private let configuration: ServerConfiguration

    /// - Parameter loops: at least one.
    package init(
        configuration: ServerConfiguration, router: Router, loops: [EventLoop], logger: Logger,
        metrics: MetricsRegistry
    ) {
        precondition(!loops.isEmpty, "a group of servers has a loop")
        self.configuration = configuration
        let peers = SharedPeerCount(connectionsMax: configuration.limits.connectionsPerPeerMax)
        var share = configuration
        share.limits.divide(among: loops.count)
        servers = loops.map { [share] loop in
            Server(
                configuration: share, router: router, loop: loop, logger: logger, metrics: metrics,
                peers: peers, sharesPort: loops.count > 1)
        }
    }

    /// Listens on every loop, and returns the port.
    ///
    /// Throws `SocketError` with `.addressInUse(port)` when somebody else has the port.
    @discardableResult
    package func start() async throws(SocketError) -> Int {
        let (host, port) = (configuration.host, configuration.port)
        try TCPListener.checkFree(host: host, port: port)
        // Where the kernel chooses, the first one learns the port.
        let taken = try await servers[0].start(on: port)
        for server in servers.dropFirst() { try await server.start(on: taken) }
        return taken
    }

    /// Serves until cancelled, drains all loops, and returns. Starts first when `start` was not called.
    package func run() async throws {
        if await servers[0].isListening == false { try await start() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for server in servers {
                group.addTask(executorPreference: server.loop) { try await server.run() }
            }
            try await group.waitForAll()
        }
    }

    /// See `Server.letGo`.
    package func letGo() async { for server in servers { await server.letGo() } }

    /// Open connections of all loops.
    package var connectionCount: Int {
        get async {
            var count = 0
            for server in servers { count += await server.connectionCount }
            return count
        }
    }
}

extension ServerLimits {
    /// Rounded up: no loop is left with nothing.
    mutating func divide(among parts: Int) {
        func share(_ whole: Int) -> Int { (whole + parts - 1) / parts }
        connectionsMax = share(connectionsMax)
        handshakesMax = share(handshakesMax)
        bodyBytesMax = share(bodyBytesMax)
    }
}
