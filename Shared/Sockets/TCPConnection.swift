package import Basics
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

/// A TCP connection on the loop: one reader and one writer at a time.
///
/// It reads ahead a bounded amount even when nobody reads, so the end of the peer is noticed while
/// a handler is busy. Closing frees the descriptor at once and fails whoever waits.
package actor TCPConnection {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        // The loop outlives this actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }
    package nonisolated let peer: SocketAddress

    private let limits: TCPLimits
    private var descriptor: FileDescriptor?
    private var watch: Watch?
    private var interest: Interest = []
    private var input: [UInt8] = []
    private var end: PeerEnd?
    private var endHandler: (@Sendable (PeerEnd) -> Void)?
    private var reader: OneShot<Void>?
    private var output: ArraySlice<UInt8> = []
    private var writer: OneShot<Void>?
    private var isWriting = false

    /// Takes over a connected, non-blocking socket.
    package init(
        owning descriptor: consuming FileDescriptor, peer: SocketAddress,
        limits: TCPLimits = .init(), loop: EventLoop
    ) throws(SocketError) {
        let number = descriptor.number
        // Small answers must not wait for the acknowledgement of the one before.
        let result = clinux_set_no_delay(number)
        guard result >= 0 else { throw SocketError(result: result, "set no delay") }
        self.loop = loop
        self.peer = peer
        self.limits = limits
        self.descriptor = consume descriptor
    }

    deinit {
        // The owner let go without closing: the descriptor closes itself, the watch is withdrawn.
        guard let watch else { return }
        let loop = loop
        loop.execute { loop.cancel(watch) }
    }

    /// Whether `close` has been called or the connection is cut.
    package var isClosed: Bool { descriptor == nil }
    /// Bytes that were read ahead and wait for a reader.
    package var bufferedCount: Int { input.count }
    package var peerEnd: PeerEnd? { end }

    // MARK: Reading

    /// Some bytes, at least one and at most `limit`; an empty array at the peer's orderly end.
    ///
    /// Throws `.timeout` at the deadline, `.cancelled`, `.connectionReset`, `.closed`.
    package func read(upTo limit: Int = .max, deadline: Deadline? = nil) async throws(SocketError)
        -> [UInt8]
    {
        precondition(reader == nil, "a connection has one reader at a time")
        while true {
            if !input.isEmpty { return takeInput(limit) }
            switch end {
            case .finished: return []
            case .failed(let error): throw error
            case nil: break
            }
            guard descriptor != nil else { throw SocketError(.closed, "read") }
            try startWatching()
            let cell = OneShot<Void>()
            reader = cell
            defer { reader = nil }
            do throws(SocketError) {
                try await wait(cell, "read", until: deadline)
            } catch {
                // Bytes that came in the same turn as the deadline are not lost to it.
                guard error.code == .timeout, !input.isEmpty else { throw error }
            }
        }
    }

    /// Puts bytes back in front: what a protocol read beyond its message.
    package func unread(_ bytes: some Collection<UInt8>) {
        guard !bytes.isEmpty else { return }
        input.insert(contentsOf: bytes, at: 0)
        updateInterest()
    }

    /// Calls `handler` once on the loop when the peer ends its side, also while nobody reads; at
    /// once when that has happened. A new handler replaces the one before; nil removes it.
    package func onPeerEnd(_ handler: (@Sendable (PeerEnd) -> Void)?) throws(SocketError) {
        endHandler = nil
        guard let handler else { return }
        if let end { return handler(end) }
        endHandler = handler
        if descriptor != nil { try startWatching() }
    }

    private func takeInput(_ limit: Int) -> [UInt8] {
        defer { updateInterest() }
        guard limit < input.count else {
            let all = input
            input = []
            return all
        }
        let some = Array(input.prefix(limit))
        input.removeFirst(limit)
        return some
    }

    // MARK: Writing

    /// Writes all bytes, and returns when the kernel has them: that is the back-pressure.
    ///
    /// Throws `.timeout` when nothing moved for the write stall limit, `.cancelled`,
    /// `.connectionReset`, `.closed`. After an error part of the bytes may be under way: close.
    package func write(_ bytes: [UInt8]) async throws(SocketError) {
        precondition(!isWriting, "a connection has one writer at a time")
        isWriting = true
        defer {
            isWriting = false
            output = []
            updateInterest()
        }
        output = bytes[...]
        try sendOutput()
        while !output.isEmpty {
            try startWatching()
            updateInterest()
            let cell = OneShot<Void>()
            writer = cell
            defer { writer = nil }
            try await wait(cell, "write", until: .after(limits.writeStall))
            try sendOutput()
        }
    }

    private func sendOutput() throws(SocketError) {
        guard !output.isEmpty else { return }
        if case .failed(let error) = end { throw error }
        guard let number = descriptor?.number else { throw SocketError(.closed, "write") }
        let sent = unsafe output.withUnsafeBytes { bytes -> Int64 in
            guard let base = bytes.baseAddress else { return 0 }
            // The slice outlives the call, which reads exactly its length.
            return unsafe clinux_send(number, base, bytes.count)
        }
        if sent >= 0 {
            output = output.dropFirst(Int(sent))
            return
        }
        let error = SocketError(result: CInt(sent), "write")
        guard !error.wouldBlock else { return }
        peerEnded(.failed(error))
        throw error
    }

    // MARK: Ending

    /// Sends an orderly end; reading goes on.
    package func finishWriting() {
        guard let number = descriptor?.number else { return }
        // Fails only when the connection is cut already, which the reader learns by itself.
        _ = clinux_shutdown_write(number)
    }

    /// Frees the descriptor at once. Whoever waits gets `.closed`. Twice does nothing.
    package func close() {
        if let watch { loop.cancel(watch) }
        watch = nil
        descriptor = nil
        endHandler = nil
        input = []
        reader?.fail(SocketError(.closed, "read"))
        writer?.fail(SocketError(.closed, "write"))
    }

    /// Closes with a reset, so that the peer cannot take the end for an orderly one.
    package func abort() {
        // Fails only for a socket that is cut already.
        if let number = descriptor?.number { _ = clinux_set_reset_on_close(number) }
        close()
    }

    // MARK: Readiness

    private func startWatching() throws(SocketError) {
        guard watch == nil, let number = descriptor?.number else { return }
        interest = wantedInterest
        watch = try loop.watch(number, interest) { [weak self] ready in
            self?.assumeIsolated { $0.becameReady(ready) }
        }
    }

    private var wantedInterest: Interest {
        var wanted: Interest = []
        if end == nil, input.count < limits.readAheadMax { wanted.insert(.readable) }
        if !output.isEmpty { wanted.insert(.writable) }
        return wanted
    }

    private func updateInterest() {
        let wanted = wantedInterest
        guard let watch, wanted != interest else { return }
        interest = wanted
        loop.update(watch, wanted)
    }

    private func becameReady(_ ready: Readiness) {
        if ready.contains(.readable), end == nil { receive() }
        if ready.contains(.writable) { writer?.succeed() }
    }

    private func receive() {
        guard let number = descriptor?.number else { return }
        let capacity = min(limits.receiveSize, limits.readAheadMax - input.count)
        guard capacity > 0 else { return }
        let count = unsafe withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 1) {
            buffer -> Int64 in
            guard let base = buffer.baseAddress else { return 0 }
            // The call writes at most `capacity` bytes, and only those it counts are read.
            let count = unsafe clinux_receive(number, base, buffer.count)
            if count > 0 { unsafe input.append(contentsOf: buffer.prefix(Int(count))) }
            return count
        }
        if count > 0 {
            reader?.succeed()
            updateInterest()
        } else if count == 0 {
            peerEnded(.finished)
        } else {
            let error = SocketError(result: CInt(count), "read")
            if !error.wouldBlock { peerEnded(.failed(error)) }
        }
    }

    private func peerEnded(_ how: PeerEnd) {
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
        reader?.succeed()
        let handler = endHandler
        if case .failed = how { endHandler = nil }
        handler?(how)
    }

    private func wait(_ cell: OneShot<Void>, _ operation: String, until deadline: Deadline?)
        async throws(SocketError)
    {
        let timer = deadline.map { deadline in
            loop.schedule(after: deadline.remaining) {
                cell.fail(SocketError(.timeout, operation))
            }
        }
        defer { if let timer { loop.cancel(timer) } }
        do {
            try await cell.value()
        } catch let error as SocketError {
            throw error
        } catch {
            throw SocketError(.cancelled, operation)
        }
    }
}
