import CLinux
import Glibc

/// A listening socket on the loop.
@safe package actor TCPListener {
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
    private var waiter: UnsafeContinuation<SocketError?, Never>?
    /// Counts waits, so that a late cancellation cannot end another one.
    private var waits: UInt64 = 0
    /// Whether a call may find a connection: the kernel is not asked in vain after each of them.
    private var mayAccept = false
    /// Whether there is a queue, so that it is worth asking until it is empty.
    private var hasQueue = false
    /// The turn in which the socket was readable last.
    private var readableTurn: UInt64 = 0

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
        let address = try SocketAddress(numeric: host, port: port)
        let owner = try Self.bound(to: address, port, sharesPort: sharesPort)
        try TCPChannel.setOptions(owner.number, limits)
        let result = clinux_listen(owner.number, CInt(clamping: backlog))
        guard result >= 0 else {
            throw SocketError(result: result, "listen on \(address)", port: port)
        }
        self.port = Int(max(0, clinux_local_port(owner.number)))
        self.loop = loop
        self.limits = limits
        descriptor = consume owner
    }

    private static func bound(
        to address: SocketAddress, _ port: Int, sharesPort: Bool
    ) throws(SocketError) -> FileDescriptor {
        var address = address
        let number = unsafe clinux_stream_socket(&address.raw)
        guard number >= 0 else { throw SocketError(result: number, "socket") }
        let owner = FileDescriptor(owning: number)
        let shared = sharesPort ? clinux_share_port(number) : 0
        guard shared >= 0 else { throw SocketError(result: shared, "share \(address)") }
        let result = unsafe clinux_bind(number, &address.raw)
        guard result >= 0 else {
            throw SocketError(result: result, "listen on \(address)", port: port)
        }
        return owner
    }

    /// Throws `.addressInUse(port)` when anybody listens there, also somebody who shares the port: two
    /// processes on one port would each get a part of the other's connections.
    ///
    /// Never listens itself: a client that came in that moment would be cut off.
    package static func checkFree(host: String, port: Int) throws(SocketError) {
        guard port != 0 else { return }
        let address = try SocketAddress(numeric: host, port: port)
        // Given back at once: the descriptor goes away with this scope.
        _ = try bound(to: address, port, sharesPort: false)
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
            if !mayAccept {
                if let failure = await waitUntilReadable() { throw failure }
                continue
            }
            var peer = clinux_address()
            let number = unsafe clinux_accept(descriptor?.number ?? -1, &peer)
            if number >= 0 {
                mayAccept = hasQueue
                return TCPConnection(
                    owning: FileDescriptor(owning: number), peer: SocketAddress(raw: peer),
                    limits: limits, loop: loop)
            }
            let error = SocketError(result: number, "accept")
            switch error.code {
            case .system where error.wouldBlock: mayAccept = false
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
        resumeWaiter(SocketError(.closed, "accept"))
    }

    // MARK: Waiting

    /// Nil when it is readable, else why the wait was in vain.
    private func waitUntilReadable() async -> SocketError? {
        waits += 1
        let number = waits
        return await withTaskCancellationHandler {
            await suspend()
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.cancelWait(number) } }
        }
    }

    /// The handler's body would run anywhere; this is back on the loop. A cancellation on the way here
    /// found no waiter; from here on it comes after there is one.
    private func suspend() async -> SocketError? {
        guard !Task.isCancelled else { return SocketError(.cancelled, "accept") }
        guard let number = descriptor?.number else { return SocketError(.closed, "accept") }
        if let watch {
            loop.update(watch, .readable)
        } else {
            do throws(SocketError) {
                watch = try loop.watch(number, .readable) { [weak self] _ in
                    self?.assumeIsolated { $0.becameReadable() }
                }
            } catch {
                return error
            }
        }
        return await unsafe withUnsafeContinuation { unsafe waiter = $0 }
    }

    /// The only place that resumes the waiter, taken out of its place first: exactly once.
    private func resumeWaiter(_ failure: SocketError?) {
        guard let waiting = unsafe waiter.take() else { return }
        unsafe waiting.resume(returning: failure)
    }

    private func cancelWait(_ number: UInt64) {
        guard number == waits else { return }
        resumeWaiter(SocketError(.cancelled, "accept"))
    }

    private func becameReadable() {
        guard unsafe waiter != nil else {
            // Silent until the next wait: a full server leaves connections in the kernel's queue. One
            // that accepts waits again within this turn, and hears on without asking the kernel.
            if let watch { loop.update(watch, []) }
            return
        }
        mayAccept = true
        // Readable again at once: more came than were taken.
        hasQueue = loop.turnNumber == readableTurn &+ 1
        readableTurn = loop.turnNumber
        resumeWaiter(nil)
    }

    private func pause() async throws(SocketError) {
        do {
            try await loop.sleep(for: Self.failurePause)
        } catch {
            throw SocketError(.cancelled, "accept")
        }
    }
}
