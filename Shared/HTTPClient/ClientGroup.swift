import Basics
package import Sockets
package import Telemetry

/// One client for each of a server's loops, so that a request and what it calls stay on one thread.
///
/// Each loop has pools of its own. Limits are those of the whole group and are divided among its
/// loops (BH-2), so adding a loop does not add connections to a service.
package struct ClientGroup: Sendable {
    package let clients: [Client]

    /// - Parameter loops: at least one.
    package init(
        loops: [EventLoop], configuration: ClientConfiguration = ClientConfiguration(),
        logger: Logger, metrics: ClientMetrics? = nil, tracer: Tracer = .disabled
    ) {
        precondition(!loops.isEmpty, "a group of clients has a loop")
        let share = configuration.divided(among: loops.count)
        clients = loops.map {
            Client(
                loop: $0, configuration: share, logger: logger, metrics: metrics, tracer: tracer)
        }
    }

    /// The client of the loop that the caller runs on; elsewhere the first.
    package var current: Client { clients.first { $0.loop.isOnLoop } ?? clients[0] }

    /// Closes unused connections of all loops.
    package func closeIdle() async {
        for client in clients { await client.closeIdle() }
    }
}

extension ClientConfiguration {
    /// Rounded up: no loop is left without a connection.
    func divided(among parts: Int) -> ClientConfiguration {
        func share(_ whole: Int) -> Int { (whole + parts - 1) / parts }
        var part = self
        part.maxConnectionsPerOrigin = share(maxConnectionsPerOrigin)
        part.maxIdlePerOrigin = share(maxIdlePerOrigin)
        part.maxPending = share(maxPending)
        return part
    }
}
