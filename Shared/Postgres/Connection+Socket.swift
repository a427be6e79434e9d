import Sockets

extension Connection {
    func register(_ interest: Interest) throws(PostgresError) {
        unwatch()
        do throws(SocketError) {
            watch = try loop.watch(handle.descriptor, interest) { [weak self] _ in
                self?.assumeIsolated { $0.socketIsReady() }
            }
            self.interest = interest
        } catch {
            throw PostgresError(.connectionLost, "cannot watch the socket", underlying: error)
        }
    }

    func unwatch() {
        guard let watch else { return }
        self.watch = nil
        loop.cancel(watch)
    }

    func want(_ wanted: Interest) {
        guard let watch, wanted != interest else { return }
        interest = wanted
        loop.update(watch, wanted)
    }

    func socketIsReady() {
        switch state {
        case .connecting: advanceHandshake()
        case .busy: if writeOut() { readAnswers() }
        case .idle:
            // Notices, or the end of the session: the pool learns of it before the next caller.
            guard handle.consumeInput() else { return lose() }
            _ = handle.isBusy
        case .closed: break
        }
    }

    /// Sends what libpq still holds; false when the connection has ended by it.
    @discardableResult
    func writeOut() -> Bool {
        switch handle.flush() {
        case .done: want(.readable)
        case .pending: want([.readable, .writable])
        case .failed:
            lose()
            return false
        }
        return true
    }

    func readAnswers() {
        guard handle.consumeInput() else { return lose() }
        guard case .busy(var operation) = state else { return }
        while !operation.exchange.isComplete, !handle.isBusy {
            operation.exchange.receive(handle.nextResult())
        }
        // A fatal error ends the session even if the answers look complete.
        let isLost = operation.exchange.failure?.code == .connectionLost
        guard operation.exchange.isComplete || isLost else {
            state = .busy(operation)
            return
        }
        disarm()
        state = .idle
        if isLost || operation.exchange.isConfused {
            end(
                operation.exchange.failure
                    ?? PostgresError(.connectionLost, "the session is out of step"))
        }
        operation.continuation.resume(returning: operation.exchange)
    }

    func lose() {
        let message = handle.message
        end(
            PostgresError(
                .connectionLost, message.isEmpty ? "the server closed the connection" : message))
    }
}
