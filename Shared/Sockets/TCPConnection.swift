package import Basics

/// A TCP connection on the loop: one reader and one writer at a time.
///
/// It reads ahead a bounded amount even when nobody reads, so the end of the peer is noticed while
/// a handler is busy. Closing frees the descriptor at once and fails whoever waits. An actor around a
/// `TCPChannel`, for users anywhere.
package actor TCPConnection {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        // The loop outlives this actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }
    /// The connection itself. On its loop only.
    package nonisolated let channel: TCPChannel

    /// Takes over a connected, non-blocking socket that has its options (`TCPChannel.setOptions`).
    init(
        owning descriptor: consuming FileDescriptor, peer: SocketAddress,
        limits: TCPLimits = .init(), loop: EventLoop
    ) {
        self.loop = loop
        channel = TCPChannel(owning: descriptor, peer: peer, limits: limits, loop: loop)
    }

    package nonisolated var peer: SocketAddress { channel.peer }
    /// The peer's address as text.
    package nonisolated var peerHost: String { channel.peerHost }
    /// Whether `close` has been called or the connection is cut.
    package var isClosed: Bool { channel.isClosed }
    /// Bytes that were read ahead and wait for a reader.
    package var bufferedCount: Int { channel.bufferedCount }
    /// How the peer ended its side; nil while it has not.
    package var peerEnd: PeerEnd? { channel.peerEnd }

    /// Some bytes, at least one and at most `limit`; an empty array at the peer's orderly end.
    ///
    /// Throws `.timeout` at the deadline, `.cancelled`, `.connectionReset`, `.closed`.
    package func read(upTo limit: Int = .max, deadline: Deadline? = nil) async throws(SocketError)
        -> [UInt8]
    {
        while true {
            if let bytes = channel.takeInput(limit) { return bytes }
            let failure = await suspend(until: deadline)
            // Bytes that came in the same turn as the deadline are not lost to it.
            if let failure, failure.code != .timeout || channel.bufferedCount == 0 { throw failure }
        }
    }

    /// Until something changes for the reader; ended by the task's cancellation.
    private func suspend(until deadline: Deadline?) async -> SocketError? {
        guard !Task.isCancelled else { return SocketError(.cancelled, "read") }
        let (channel, number) = (channel, channel.timer.waits + 1)
        return await withTaskCancellationHandler {
            await suspendOnLoop(until: deadline)
        } onCancel: {
            channel.loop.execute { channel.cancelReader(number) }
        }
    }

    /// The handler's body would run anywhere; this is back on the loop. A cancellation on the way here
    /// found no reader; from here on it comes after the reader waits.
    private func suspendOnLoop(until deadline: Deadline?) async -> SocketError? {
        guard !Task.isCancelled else { return SocketError(.cancelled, "read") }
        return await channel.suspendReader(until: deadline)
    }

    /// Puts bytes back in front: what a protocol read beyond its message.
    package func unread(_ bytes: some Collection<UInt8>) { channel.unread(bytes) }

    /// Calls `handler` once on the loop when the peer ends its side, also while nobody reads; at
    /// once when that has happened. A new handler replaces the one before; nil removes it.
    package func onPeerEnd(_ handler: (@Sendable (PeerEnd) -> Void)?) throws(SocketError) {
        try channel.onPeerEnd(handler)
    }

    /// Calls `handler` once when the peer says or does anything on a connection that nobody uses; see
    /// `TCPChannel.whileUnused`.
    package func whileUnused(_ handler: (@Sendable () -> Void)?) throws(SocketError) {
        try channel.whileUnused(handler)
    }

    /// Whether the peer has kept silent so far; see `TCPChannel.isQuiet`.
    package func isQuiet() -> Bool { channel.isQuiet() }

    /// Writes all bytes, and returns when the kernel has them: that is the back-pressure.
    ///
    /// Throws `.timeout` when nothing moved for the write stall limit, `.cancelled`,
    /// `.connectionReset`, `.closed`. After an error part of the bytes may be under way: close.
    package func write(_ bytes: [UInt8]) async throws(SocketError) { try await channel.write(bytes) }

    /// Puts a filter between the socket and the plain bytes, and returns when both sides have agreed
    /// (TLS: when the handshake is over). Before any other byte is read or written; from then on
    /// `read`, `write`, `finishWriting` and the peer's end are those of the protected stream.
    ///
    /// Throws `.handshake` with what the filter said, `.timeout` at the deadline, `.connectionReset`
    /// when the peer leaves, `.cancelled`, `.closed`.
    package func secure(_ filter: sending any TransportFilter, deadline: Deadline)
        async throws(SocketError)
    {
        try await channel.begin(filter)
        while try !channel.isSecured() {
            if let failure = await suspend(until: deadline) { throw failure }
        }
    }

    /// Sends an orderly end; reading goes on.
    package func finishWriting() { channel.finishWriting() }

    /// Frees the descriptor at once. Whoever waits gets `.closed`. Twice does nothing.
    package func close() { channel.close() }

    /// Closes with a reset, so that the peer cannot take the end for an orderly one.
    package func abort() { channel.abort() }
}
