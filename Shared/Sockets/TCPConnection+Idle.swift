extension TCPConnection {
    /// Whether the peer has kept silent on a connection that nobody uses: no byte, no end. Looks at
    /// the socket itself with one call that never waits, since what happened in this turn has not
    /// been reported yet.
    package func isQuiet() -> Bool {
        guard descriptor != nil, end == nil else { return false }
        receive()
        return descriptor != nil && end == nil && input.isEmpty
    }
}
