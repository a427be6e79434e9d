package import Basics
import CLinux
import Glibc

/// A reader that waits. The unchecked kind of continuation takes nothing from the heap; `resumeReader`
/// is the only place that resumes one.
@safe struct ReadWait {
    @safe private enum Reader {
        case task(UnsafeContinuation<SocketError?, Never>)
        case handler(@Sendable (SocketError?) -> Void)
    }

    private let reader: Reader
    let number: UInt64

    init(_ continuation: UnsafeContinuation<SocketError?, Never>, number: UInt64) {
        reader = unsafe .task(continuation)
        self.number = number
    }

    init(_ handler: @escaping @Sendable (SocketError?) -> Void, number: UInt64) {
        reader = .handler(handler)
        self.number = number
    }

    /// Consumes the wait, so that it cannot be resumed twice.
    consuming func resume(_ failure: SocketError?) {
        switch reader {
        case .task(let continuation): unsafe continuation.resume(returning: failure)
        case .handler(let handler): handler(failure)
        }
    }
}

/// One timer for many waits in a row. Nearly every wait ends long before its deadline, so a timer for
/// each would be scheduled and cancelled for nothing: this one stays where it is, and when it fires
/// too early it is moved to the deadline of the wait that is under way.
struct WaitTimer {
    var token: TimerToken?
    /// When `token` fires; nil without one.
    var firesAt: MonotonicInstant?
    /// The deadline of the wait under way; nil when nobody waits or without one.
    var deadline: MonotonicInstant?
    /// Counts waits, so that a late cancellation cannot end another one.
    var waits: UInt64 = 0
}

extension TCPChannel {
    /// Waits until `exchangeInput` has something to give. False at the peer's orderly end.
    ///
    /// Unlike `TCPConnection.read` it looks at the task's cancellation before it waits and not while it
    /// does, which would cost as much as the wait itself: whoever cancels the task calls `interrupt` or
    /// `wakeReader` as well. Throws as `read` does.
    package func waitForInput(until deadline: Deadline?) async throws(SocketError) -> Bool {
        while input.isEmpty {
            if end == .finished { return false }
            guard !Task.isCancelled else { throw SocketError(.cancelled, "read") }
            if let failure = await suspendReader(until: deadline),
                failure.code != .timeout || input.isEmpty
            {
                throw failure
            }
        }
        return true
    }

    /// Takes all that has arrived, and keeps `spare`, which must be empty, to receive into: two
    /// buffers go round, and none is made for a request.
    package func exchangeInput(_ spare: consuming [UInt8]) -> [UInt8] {
        let taken = input
        input = spare
        updateInterest()
        return taken
    }

    /// Ends a wait for input, and every later one, with `.cancelled`.
    package func interrupt() {
        isInterrupted = true
        resumeReader(SocketError(.cancelled, "read"))
    }

    /// Lets a reader that waits look again whether it has to. Without effect on one that still has to.
    package func wakeReader() { resumeReader(nil) }

    /// Ends the wait under way, if there is one, with `.cancelled`; later ones are not touched.
    package func endWait() { resumeReader(SocketError(.cancelled, "read")) }

    /// Puts bytes back in front: what a protocol read beyond its message.
    package func unread(_ bytes: some Collection<UInt8>) {
        guard !bytes.isEmpty else { return }
        input.insert(contentsOf: bytes, at: 0)
        updateInterest()
    }

    /// What is there to read: some bytes, none at the peer's orderly end, nil when the reader has to
    /// wait.
    func takeInput(_ limit: Int) -> [UInt8]? {
        if input.isEmpty { return end == .finished ? [] : nil }
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

    // MARK: Waiting

    /// Until something changes for the reader: bytes, the peer's end, the filter's state. Nil then,
    /// else why the wait was in vain.
    package func suspendReader(until deadline: Deadline?) async -> SocketError? {
        precondition(reader == nil, "a connection has one reader at a time")
        if case .failed(let error) = end { return error }
        guard descriptor != nil else { return SocketError(.closed, "read") }
        guard !isInterrupted else { return SocketError(.cancelled, "read") }
        do throws(SocketError) {
            try startWatching()
        } catch {
            return error
        }
        timer.waits += 1
        let number = timer.waits
        if let deadline { arm(deadline.instant) }
        let failure = await unsafe withUnsafeContinuation { continuation in
            unsafe reader = ReadWait(continuation, number: number)
        }
        if failure == nil, case .failed(let error) = end, input.isEmpty { return error }
        return failure
    }

    /// For a reader that is no task while it waits: `handler` is called once, when there is something to
    /// read (also the peer's end), or with the reason why the wait was in vain. False, and no call, when
    /// there is something already.
    package func whenReadable(
        until deadline: Deadline?, _ handler: @escaping @Sendable (SocketError?) -> Void
    ) throws(SocketError) -> Bool {
        precondition(reader == nil, "a connection has one reader at a time")
        guard input.isEmpty, end == nil else { return false }
        guard descriptor != nil else { throw SocketError(.closed, "read") }
        guard !isInterrupted else { throw SocketError(.cancelled, "read") }
        try startWatching()
        timer.waits += 1
        if let deadline { arm(deadline.instant) }
        reader = ReadWait(handler, number: timer.waits)
        return true
    }

    func resumeReader(_ failure: SocketError?) {
        guard let waiting = reader.take() else { return disturbUnused() }
        timer.deadline = nil
        // Taken out of its place first, so it is resumed exactly once.
        waiting.resume(failure)
    }

    func cancelReader(_ number: UInt64) {
        guard reader?.number == number else { return }
        resumeReader(SocketError(.cancelled, "read"))
    }

    private func arm(_ instant: MonotonicInstant) {
        timer.deadline = instant
        if let firesAt = timer.firesAt, firesAt <= instant { return }
        if let token = timer.token { loop.cancel(token) }
        timer.firesAt = instant
        timer.token = loop.schedule(at: instant) { [weak self] in
            self?.timerFired()
        }
    }

    private func timerFired() {
        timer.token = nil
        timer.firesAt = nil
        guard let deadline = timer.deadline else { return }
        if deadline <= MonotonicInstant.now {
            resumeReader(SocketError(.timeout, "read"))
        } else {
            arm(deadline)
        }
    }

    // MARK: Receiving

    func receive() {
        guard let number = descriptor?.number else { return }
        let capacity = min(limits.receiveSize, limits.readAheadMax - input.count)
        guard capacity > 0 else { return }
        let count = unsafe loop.receiveBuffer.withBytes(capacity) { buffer -> Int64 in
            guard let base = buffer.baseAddress else { return 0 }
            // The call writes at most the buffer's size, and only those it counts are read.
            let count = unsafe clinux_receive(number, base, buffer.count)
            guard count > 0 else { return count }
            let received = unsafe UnsafeRawBufferPointer(start: base, count: Int(count))
            if filter == nil {
                unsafe input.append(contentsOf: received)
            } else {
                unsafe filterInput.append(contentsOf: received)
            }
            return count
        }
        if count > 0 {
            if filter != nil { passThroughFilter() }
            resumeReader(nil)
            updateInterest()
        } else if count == 0 {
            socketEnded()
        } else {
            let error = SocketError(result: CInt(count), "read")
            if !error.wouldBlock { peerEnded(.failed(error)) }
        }
    }

    /// The end of the socket is the end of what the peer had to say, unless a filter knows better.
    private func socketEnded() {
        guard let filter, !filter.peerHasFinished else { return peerEnded(.finished) }
        // An end that anybody on the way could have made (RFC 8446 §6.1).
        peerEnded(.failed(SocketError(.connectionReset, "end without a closing alert")))
    }
}
