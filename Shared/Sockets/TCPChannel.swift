import Basics
import CLinux
import Glibc

/// How the peer ended its side.
package enum PeerEnd: Sendable, Equatable {
    /// An orderly end: no more bytes will come, but the peer may still read (RFC 9112 §9.6). A
    /// client that went away looks the same until something is written to it.
    case finished
    /// The connection is cut: nothing can be read or written.
    case failed(SocketError)
}

/// What a `TCPConnection` is made of, for drivers that live on its loop: they call it directly, where
/// an actor's door would cost more than what is behind it. One reader and one writer at a time.
///
/// It reads ahead a bounded amount even when nobody reads, so the end of the peer is noticed while
/// a handler is busy. Closing frees the descriptor at once and fails whoever waits.
///
/// Waiting, receiving and sending take nothing from the heap once a connection is warm: buffers are
/// kept, and one timer serves all waits in a row (`WaitTimer`).
// Reason: every method is for the loop's thread only, and those that begin something check it.
package final class TCPChannel: @unchecked Sendable {
    package let loop: EventLoop
    package let peer: SocketAddress
    /// The peer's address as text, made once: it goes into every request.
    package let peerHost: String

    let limits: TCPLimits
    var descriptor: FileDescriptor?
    private var watch: Watch?
    private var interest: Interest = []
    /// Plain bytes that no reader has taken yet.
    var input: [UInt8] = []
    var end: PeerEnd?
    private var endHandler: (@Sendable (PeerEnd) -> Void)?
    /// See `whileUnused`.
    var unusedHandler: (@Sendable () -> Void)?
    var reader: ReadWait?
    var timer = WaitTimer()
    /// Whether `interrupt` was called.
    package internal(set) var isInterrupted = false
    /// What the kernel has not taken yet, from `outputStart` on.
    var output: [UInt8] = []
    var outputStart = 0
    var writer: OneShot<Void>?
    var isWriting = false
    /// Stands between the socket and the plain bytes; see `secure`.
    var filter: (any TransportFilter)?
    /// Received bytes on their way into the filter; empty between two turns.
    var filterInput: [UInt8] = []

    /// What a socket needs before a channel takes it over. The connections of a listening socket have
    /// its options (tcp(7)), so there it is two calls in all and not for each of them.
    static func setOptions(_ number: CInt, _ limits: TCPLimits) throws(SocketError) {
        // Small answers must not wait for the acknowledgement of the one before.
        let result = clinux_set_no_delay(number)
        guard result >= 0 else { throw SocketError(result: result, "set no delay") }
        let bounded = clinux_set_unsent_max(number, CInt(clamping: limits.unsentMax))
        guard bounded >= 0 else { throw SocketError(result: bounded, "bound unsent bytes") }
    }

    /// Takes over a connected, non-blocking socket that has its options.
    init(
        owning descriptor: consuming FileDescriptor, peer: SocketAddress,
        limits: TCPLimits = .init(), loop: EventLoop
    ) {
        self.loop = loop
        self.peer = peer
        peerHost = peer.host
        self.limits = limits
        self.descriptor = consume descriptor
    }

    deinit {
        // The owner let go without closing: the descriptor closes itself, the rest is withdrawn.
        let (loop, watch, token) = (loop, watch, timer.token)
        guard watch != nil || token != nil else { return }
        loop.execute {
            if let watch { loop.cancel(watch) }
            if let token { loop.cancel(token) }
        }
    }

    /// Whether `close` has been called or the connection is cut.
    package var isClosed: Bool { descriptor == nil }
    /// Bytes that were read ahead and wait for a reader.
    package var bufferedCount: Int { input.count }
    package var peerEnd: PeerEnd? { end }

    /// Calls `handler` once on the loop when the peer ends its side, also while nobody reads; at
    /// once when that has happened. A new handler replaces the one before; nil removes it.
    package func onPeerEnd(_ handler: (@Sendable (PeerEnd) -> Void)?) throws(SocketError) {
        endHandler = nil
        guard let handler else { return }
        if let end { return handler(end) }
        endHandler = handler
        if descriptor != nil { try startWatching() }
    }

    /// Gives back buffers that are kept for the next bytes, while there are none.
    package func releaseMemory() {
        if input.isEmpty { input = [] }
        if filterInput.isEmpty { filterInput = [] }
        if outputStart == output.count, !isWriting {
            output = []
            outputStart = 0
        }
    }

    // MARK: Ending

    /// Sends an orderly end; reading goes on.
    package func finishWriting() {
        finishFilter()
        guard let number = descriptor?.number else { return }
        // Fails only when the connection is cut already, which the reader learns by itself.
        _ = clinux_shutdown_write(number)
    }

    /// The peer must be able to tell this end from a cut (RFC 8446 §6.1). It goes behind what was not
    /// sent yet; what the kernel does not take at once is not waited for.
    private func finishFilter() {
        guard let filter, filter.isEstablished, descriptor != nil else { return }
        if case .failed = end { return }
        filter.finish(wire: &output)
        // Ignored: a connection that is cut already says so to its reader.
        try? sendOutput()
    }

    /// Frees the descriptor at once. Whoever waits gets `.closed`. Twice does nothing.
    package func close() {
        finishFilter()
        if let watch { loop.forget(watch) }
        watch = nil
        descriptor = nil
        endHandler = nil
        unusedHandler = nil
        input = []
        resumeReader(SocketError(.closed, "read"))
        if let token = timer.token { loop.cancel(token) }
        timer = WaitTimer()
        writer?.fail(SocketError(.closed, "write"))
    }

    /// Closes with a reset, so that the peer cannot take the end for an orderly one.
    package func abort() {
        // Fails only for a socket that is cut already.
        if let number = descriptor?.number { _ = clinux_set_reset_on_close(number) }
        // Nor may the filter call it an orderly one.
        filter = nil
        close()
    }

    // MARK: Readiness

    func startWatching() throws(SocketError) {
        guard watch == nil, let number = descriptor?.number else { return }
        interest = wantedInterest
        watch = try loop.watch(number, interest) { [weak self] ready in
            self?.becameReady(ready)
        }
    }

    private var wantedInterest: Interest {
        var wanted: Interest = []
        if end == nil, input.count < limits.readAheadMax { wanted.insert(.readable) }
        if outputStart < output.count { wanted.insert(.writable) }
        return wanted
    }

    func updateInterest() {
        let wanted = wantedInterest
        guard wanted != interest, let watch else { return }
        interest = wanted
        loop.update(watch, wanted)
    }

    private func becameReady(_ ready: Readiness) {
        if ready.contains(.readable), end == nil { receive() }
        guard ready.contains(.writable) else { return }
        if let writer {
            writer.succeed()
        } else if outputStart < output.count {
            // Bytes of the filter's own (a handshake, an alert); a failure is the reader's to hear.
            try? sendOutput()  // Ignored: `sendOutput` has told the peer's end already.
            updateInterest()
        }
    }

    func peerEnded(_ how: PeerEnd) {
        guard end == nil || end == .finished, end != how else { return }
        end = how
        if case .failed(let error) = how {
            // Nothing is left to hear, and a cut socket would report itself for ever.
            if let watch { loop.cancel(watch) }
            watch = nil
            writer?.fail(error)
        } else {
            updateInterest()
        }
        resumeReader(nil)
        let handler = endHandler
        if case .failed = how { endHandler = nil }
        handler?(how)
    }
}
