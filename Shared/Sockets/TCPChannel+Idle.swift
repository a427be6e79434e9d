/// A connection that waits in a pool.
extension TCPChannel {
    /// Calls `handler` once, on the loop, as soon as the peer says or does anything: bytes that nobody
    /// asked for, or its end; at once when that has happened. What a filter keeps to itself (TLS
    /// tickets) is nothing. Nil ends the watch; so does `close`.
    package func whileUnused(_ handler: (@Sendable () -> Void)?) throws(SocketError) {
        unusedHandler = nil
        guard let handler else { return }
        guard descriptor != nil, end == nil, input.isEmpty else { return handler() }
        unusedHandler = handler
        try startWatching()
    }

    /// Whether the peer has kept silent so far. Looks at the socket itself with one call that never
    /// waits, since what happened in this turn of the loop has not been reported yet.
    package func isQuiet() -> Bool {
        guard descriptor != nil, end == nil, input.isEmpty else { return false }
        receive()
        return descriptor != nil && end == nil && input.isEmpty
    }

    /// Something came while nobody read.
    func disturbUnused() {
        guard let handler = unusedHandler, end != nil || !input.isEmpty else { return }
        unusedHandler = nil
        handler()
    }
}
