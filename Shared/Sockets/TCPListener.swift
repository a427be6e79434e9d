import CLinux
import Glibc

/// A listening socket on the loop.
package actor TCPListener {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        // The loop outlives this actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }
    /// The port it listens on: the kernel's choice when 0 was asked for.
    package nonisolated let port: Int

    /// How long accepting pauses when the process has run out of descriptors, or the socket fails for
    /// a reason that the next call would meet as well.
    private static let failurePause = Duration.milliseconds(100)
    private let limits: TCPLimits
    private var descriptor: FileDescriptor?
    private var watch: Watch?
    private var waiter: OneShot<Void>?

    /// Binds and listens at once; connections queue in the kernel until `accept`.
    ///
    /// `host` is numeric. A port that is taken gives `.addressInUse(port)`. SO_REUSEADDR lets a
    /// restarted service have its port back while old connections still time out.
    ///
    /// With `sharesPort` (SO_REUSEPORT) other listeners that say so too may have the same port, and the
    /// kernel spreads connections over them. Then a taken port is no error: see `checkFree`.
    package init(
        host: String, port: Int, backlog: Int = 1_024, sharesPort: Bool = false,
        limits: TCPLimits = .init(), loop: EventLoop
    ) throws(SocketError) {
        var address = try SocketAddress(numeric: host, port: port)
        let number = unsafe clinux_stream_socket(&address.raw)
        guard number >= 0 else { throw SocketError(result: number, "socket") }
        let owner = FileDescriptor(owning: number)
        let shared = sharesPort ? clinux_share_port(number) : 0
        guard shared >= 0 else { throw SocketError(result: shared, "share \(address)") }
        let result = unsafe clinux_bind_listen(number, &address.raw, CInt(clamping: backlog))
        guard result >= 0 else {
            throw SocketError(result: result, "listen on \(address)", port: port)
        }
        self.port = Int(max(0, clinux_local_port(number)))
        self.loop = loop
        self.limits = limits
        descriptor = consume owner
    }

    /// Throws `.addressInUse(port)` when anybody listens there, also somebody who shares the port: two
    /// processes on one port would each get a part of the other's connections.
    package static func checkFree(host: String, port: Int, loop: EventLoop) throws(SocketError) {
        guard port != 0 else { return }
        // Closed again at once: the listener goes away with this scope.
        _ = try TCPListener(host: host, port: port, loop: loop)
    }

    deinit {
        guard let watch else { return }
        let loop = loop
        loop.execute { loop.cancel(watch) }
    }

    /// The next connection. One caller at a time.
    ///
    /// Throws `.closed` after `close`, and `.cancelled`.
    package func accept() async throws(SocketError) -> TCPConnection {
        while true {
            guard !Task.isCancelled else { throw SocketError(.cancelled, "accept") }
            guard descriptor != nil else { throw SocketError(.closed, "accept") }
            var peer = clinux_address()
            let number = unsafe clinux_accept(descriptor?.number ?? -1, &peer)
            if number >= 0 {
                do throws(SocketError) {
                    return try TCPConnection(
                        owning: FileDescriptor(owning: number), peer: SocketAddress(raw: peer),
                        limits: limits, loop: loop)
                } catch {
                    // Ignored: cut before it could be set up; the listener is not to blame.
                    continue
                }
            }
            let error = SocketError(result: number, "accept")
            switch error.code {
            case .system where error.wouldBlock: try await waitUntilReadable()
            case _ where Self.isOfOneConnection(error.errorNumber): continue
            default: try await pause()
            }
        }
    }

    /// The peer gave up between its handshake and our call, or the network failed under this one
    /// connection: accept(2) names these errors, to be taken like EAGAIN. Any other would come again
    /// at once, and a loop that asks at once would never do anything else.
    private static func isOfOneConnection(_ errorNumber: CInt) -> Bool {
        switch errorNumber {
        case ECONNABORTED, ECONNRESET, EPROTO, ENOPROTOOPT, EOPNOTSUPP, ENETDOWN, ENETUNREACH,
            EHOSTDOWN, EHOSTUNREACH, ENONET, ETIMEDOUT:
            true
        default: false
        }
    }

    /// Stops listening: new connections are refused from now on.
    package func close() {
        if let watch { loop.cancel(watch) }
        watch = nil
        descriptor = nil
        waiter?.fail(SocketError(.closed, "accept"))
        waiter = nil
    }

    private func waitUntilReadable() async throws(SocketError) {
        let cell = OneShot<Void>()
        waiter = cell
        if let watch {
            loop.update(watch, .readable)
        } else {
            watch = try loop.watch(descriptor?.number ?? -1, .readable) { [weak self] _ in
                self?.assumeIsolated { $0.becameReadable() }
            }
        }
        do {
            try await cell.value()
        } catch let error as SocketError {
            throw error
        } catch {
            throw SocketError(.cancelled, "accept")
        }
    }

    private func becameReadable() {
        guard let waiter else {
            // Silent until the next wait: a full server leaves connections in the kernel's queue. One
            // that accepts waits again within this turn, and hears on without asking the kernel.
            if let watch { loop.update(watch, []) }
            return
        }
        self.waiter = nil
        waiter.succeed()
    }

    private func pause() async throws(SocketError) {
        do {
            try await loop.sleep(for: Self.failurePause)
        } catch {
            throw SocketError(.cancelled, "accept")
        }
    }
}
