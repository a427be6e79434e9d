import Basics
import Sockets
import Telemetry

/// The connection below the commands: connecting, reading, writing, ending.
extension RedisClient {
    /// Connects and waits until Redis has answered PING: a frozen Redis accepts connections, but
    /// answers nothing. Returns what tells the end of the connection.
    func connect() async throws -> OneShot<Void> {
        let handle = await RedisHandle.start(host: configuration.host, port: configuration.port)
        if let failure = handle.failure { throw RedisError(.connect, failure) }
        try Task.checkCancellation()
        let ended = OneShot<Void>()
        interest = [.readable, .writable]
        let watch = try watch(handle)
        link = .up(handle, watch, ended: ended)
        let limit = configuration.connectTimeout
        for greeting in greetings {
            switch await exchange(greeting.map { Array($0.utf8) }, limit: limit) {
            case .success(.error(let message)): throw RedisError(.connect, message)
            case .success: continue
            case .failure(let error): throw RedisError(.connect, error.message)
            }
        }
        isReady = true
        breaker = StoreBreaker()
        metrics.connected.set(1)
        return ended
    }

    private func watch(_ handle: RedisHandle) throws(RedisError) -> Watch {
        do throws(SocketError) {
            return try loop.watch(handle.descriptor, interest) { [weak self] readiness in
                self?.assumeIsolated { $0.socketIsReady(readiness) }
            }
        } catch {
            throw RedisError(.connect, "cannot watch the socket: \(error)")
        }
    }

    private var greetings: [[String]] {
        var commands: [[String]] = []
        if let password = configuration.password {
            commands.append(["AUTH"] + [configuration.user, password.reveal()].compactMap { $0 })
        }
        if configuration.database != 0 { commands.append(["SELECT", "\(configuration.database)"]) }
        commands.append(["PING"])
        return commands
    }

    private func socketIsReady(_ readiness: Readiness) {
        if readiness.contains(.writable), !flush() { return }
        if readiness.contains(.readable) { readAnswers() }
    }

    /// Sends what is buffered; false when the connection ended by it.
    @discardableResult
    func flush() -> Bool {
        guard case .up(let handle, let watch, _) = link else { return false }
        let wanted: Interest
        switch handle.flush() {
        case .done: wanted = .readable
        case .pending: wanted = [.readable, .writable]
        case .failed:
            disconnect(RedisError(.connectionLost, handle.failure ?? "cannot write"))
            return false
        }
        if wanted != interest {
            interest = wanted
            loop.update(watch, wanted)
        }
        return true
    }

    private func readAnswers() {
        guard case .up(let handle, _, _) = link else { return }
        guard handle.read() else {
            return disconnect(RedisError(.connectionLost, handle.failure ?? "cannot read"))
        }
        while let reply = handle.next() {
            guard !pending.isEmpty else {
                return disconnect(RedisError(.connectionLost, "an answer that nobody asked for"))
            }
            pending.removeFirst().continuation?.resume(returning: .success(reply))
        }
        if let failure = handle.failure { disconnect(RedisError(.connectionLost, failure)) }
    }

    /// The caller of command `number` has waited long enough. Its place in the queue stays, since
    /// answers come in order; a connection that owes answers for too long is given up.
    func expire(_ number: UInt64) {
        guard let place = pending.firstIndex(where: { $0.number == number }) else { return }
        let continuation = pending[place].continuation
        pending[place].continuation = nil
        if let oldest = pending.first,
            oldest.sent.duration(to: .now) >= configuration.stallTimeout
        {
            disconnect(RedisError(.connectionLost, "Redis stopped answering"))
        }
        continuation?.resume(
            returning: .failure(RedisError(.timeout, "no answer from \(configuration.place)")))
    }

    /// Ends the connection and fails what waits for it.
    func disconnect(_ error: RedisError) {
        guard case .up(let handle, let watch, let ended) = link else { return }
        link = .down
        isReady = false
        metrics.connected.set(0)
        // The watch goes first: once the descriptor is closed its number may be reused.
        loop.cancel(watch)
        handle.finish()
        let unanswered = pending
        pending = []
        for entry in unanswered { entry.continuation?.resume(returning: .failure(error)) }
        ended.succeed()
    }
}
