/// What one connection may hold in memory and how long it may be stuck.
package struct TCPLimits: Sendable {
    /// Bytes read ahead of the reader; then the socket is left unread and the peer has to wait.
    package var readAheadMax: Int
    /// Bytes taken by one system call, at most 64 KiB.
    package var receiveSize: Int
    /// Bytes that the kernel may hold for a peer that does not take them. Its own limit is 4 MiB for
    /// each connection: a thousand slow readers would fill the memory of all of TCP, and then every
    /// connection of the machine stalls.
    package var unsentMax: Int
    /// A write that makes no progress for this long fails with `.timeout`.
    package var writeStall: Duration

    package init(
        readAheadMax: Int = 64 * 1_024, receiveSize: Int = 16 * 1_024,
        unsentMax: Int = 128 * 1_024, writeStall: Duration = .seconds(30)
    ) {
        self.readAheadMax = readAheadMax
        self.receiveSize = receiveSize
        self.unsentMax = unsentMax
        self.writeStall = writeStall
    }
}
