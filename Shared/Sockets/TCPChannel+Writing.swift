import Basics
import CLinux

extension TCPChannel {
    /// A filter protects this much at a time, so that a large body is not in memory twice, and what is
    /// protected is still in the processor's cache when the kernel takes it.
    private static let protectedAtOnce = 32 * 1_024
    /// A filter's larger buffers are not kept between two turns: most connections are idle.
    static let keptBufferMax = 4 * 1_024

    /// Writes all bytes, and returns when the kernel has them: that is the back-pressure.
    ///
    /// Throws `.timeout` when nothing moved for the write stall limit, `.cancelled`,
    /// `.connectionReset`, `.closed`. After an error part of the bytes may be under way: close.
    ///
    /// `isLast`: nothing is written after it, so a filter's end leaves with it; `finishWriting` follows.
    package func write(_ bytes: [UInt8], isLast: Bool = false) async throws(SocketError) {
        precondition(!isWriting, "a connection has one writer at a time")
        isWriting = true
        defer { isWriting = false }
        guard filter == nil else { return try await writeProtected(bytes, isLast: isLast) }
        if case .failed(let error) = end { throw error }
        output = bytes
        outputStart = 0
        // The caller's buffer is let go of, so that it can be filled again in place.
        defer {
            output = []
            outputStart = 0
            updateInterest()
        }
        try await drainOutput()
    }

    /// Sends bytes without waiting. True when the kernel has taken all of them; otherwise the rest waits
    /// for `finishSending`, which must follow. Nearly every answer is taken at once.
    package func send(_ bytes: [UInt8], isLast: Bool = false) throws(SocketError) -> Bool {
        precondition(!isWriting, "a connection has one writer at a time")
        if let filter {
            do {
                try filter.protect(bytes[...], wire: &output)
            } catch {
                throw failFilter(error)
            }
            if isLast { filter.finish(wire: &output) }
            try sendOutput()
            return outputStart == output.count
        }
        output = bytes
        outputStart = 0
        try sendOutput()
        guard outputStart == output.count else { return false }
        output = []
        outputStart = 0
        return true
    }

    /// Until the kernel has taken what `send` left.
    package func finishSending() async throws(SocketError) {
        isWriting = true
        defer {
            isWriting = false
            if filter == nil {
                output = []
                outputStart = 0
            }
            updateInterest()
        }
        try await drainOutput()
    }

    private func writeProtected(_ bytes: [UInt8], isLast: Bool) async throws(SocketError) {
        var start = 0
        while start < bytes.count {
            if case .failed(let error) = end { throw error }
            guard let filter else { throw SocketError(.closed, "write") }
            let stop = min(bytes.count, start + Self.protectedAtOnce)
            do {
                try filter.protect(bytes[start..<stop], wire: &output)
            } catch {
                throw failFilter(error)
            }
            start = stop
            if isLast, stop == bytes.count { filter.finish(wire: &output) }
            try await drainOutput()
        }
    }

    /// Until the kernel has taken everything.
    func drainOutput() async throws(SocketError) {
        try sendOutput()
        while outputStart < output.count {
            try startWatching()
            updateInterest()
            let cell = OneShot<Void>()
            writer = cell
            defer { writer = nil }
            try await wait(cell)
            try sendOutput()
        }
        updateInterest()
    }

    /// What the kernel takes now. Throws when the connection is cut or closed.
    func sendOutput() throws(SocketError) {
        while outputStart < output.count {
            if case .failed(let error) = end { throw error }
            guard let number = descriptor?.number else { throw SocketError(.closed, "write") }
            let start = outputStart
            let sent = unsafe output.withUnsafeBytes { bytes -> Int64 in
                guard let base = bytes.baseAddress else { return 0 }
                // The array outlives the call, which reads exactly the rest of it.
                return unsafe clinux_send(number, base + start, bytes.count - start)
            }
            guard sent >= 0 else {
                let error = SocketError(result: CInt(sent), "write")
                guard !error.wouldBlock else { return }
                peerEnded(.failed(error))
                throw error
            }
            outputStart += Int(sent)
            // A short count says that the kernel's buffer is full: asking again would be in vain.
            if outputStart < output.count { return }
        }
        if filter != nil {
            output.removeAll(keepingCapacity: output.capacity <= Self.keptBufferMax)
            outputStart = 0
        }
    }

    private func wait(_ cell: OneShot<Void>) async throws(SocketError) {
        let timer = loop.schedule(after: limits.writeStall) {
            cell.fail(SocketError(.timeout, "write"))
        }
        defer { loop.cancel(timer) }
        do {
            try await cell.value()
        } catch let error as SocketError {
            throw error
        } catch {
            throw SocketError(.cancelled, "write")
        }
    }
}
