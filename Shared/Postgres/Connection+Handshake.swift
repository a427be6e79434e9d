import Sockets
import Telemetry

extension Connection {
    /// Connects. `start` may block on name lookups, so it has a thread of its own.
    static func open(
        _ target: ConnectionTarget, id: UInt64, loop: EventLoop, limits: Limits, logger: Logger,
        onClosed: @escaping @Sendable (UInt64) -> Void
    ) async throws(PostgresError) -> Connection {
        let place = try target.place()
        guard
            let handle = await BlockingThread.run({
                ConnectionHandle.start(target, logger: logger)
            }) ?? nil
        else { throw PostgresError(.connect(place), "out of memory") }
        let connection = Connection(
            id: id, handle: handle, place: place, loop: loop, limits: limits, onClosed: onClosed)
        try await connection.establish()
        return connection
    }
}

extension Connection {
    /// Drives the handshake; returns when the session can be used.
    func establish() async throws(PostgresError) {
        if handle.isBad { throw refusal() }
        let error: PostgresError? = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                state = .connecting(continuation)
                arm(limits.connect)
                // libpq: behave as if the last poll had asked to write.
                awaitHandshake(.writable)
                // The handler of a task cancelled earlier found nothing to end.
                if Task.isCancelled { abandonHandshake() }
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.abandonHandshake() } }
        }
        if let error { throw error }
    }

    private func abandonHandshake() {
        guard case .connecting(.some) = state else { return }
        end(PostgresError(.cancelled, "cancelled while connecting"))
    }

    /// Watches afresh each time: libpq may have moved to another address and so another socket.
    func awaitHandshake(_ interest: Interest) {
        do throws(PostgresError) {
            try register(interest)
        } catch {
            end(error)
        }
    }

    func advanceHandshake() {
        unwatch()
        switch handle.poll() {
        case .wantsRead: awaitHandshake(.readable)
        case .wantsWrite: awaitHandshake(.writable)
        case .failed: end(refusal())
        case .connected:
            guard handle.makeReady() else { return end(refusal()) }
            do throws(PostgresError) {
                try register(.readable)
            } catch {
                return end(error)
            }
            disarm()
            guard case .connecting(let continuation) = state else { return }
            state = .idle
            continuation?.resume(returning: nil)
        }
    }

    func refusal() -> PostgresError {
        PostgresError(
            .connect(place),
            "\(handle.message). Check that PostgreSQL runs there, and the database, role and "
                + "password of the connection string")
    }
}
