import HTTP
import Sockets

/// How far the request has got, where it is sent while the answer is read.
enum Sending {
    /// Everything is with the kernel, or goes there in one call.
    case done
    /// Goes to `done`, `failed`, or `stopped`.
    case running(Task<Void, Never>)
    /// The answer came first, or the exchange has ended.
    case stopped
    case failed(any Error)
}

extension Exchange {
    /// Sends the request beside the reader of the answer: a peer may answer, and read no more (U4).
    func startSending(_ message: OutgoingMessage) {
        uploadLeft = message.upload?.length
        // Reason: what is read decides when to stop, so neither can wait for the other; every end of
        // the exchange cancels the task, which holds the exchange no longer than one write.
        let task = Task(executorPreference: loop) { await self.send(message) }
        sending = .running(task)
    }

    /// No more of the request is wanted. True when it was not complete.
    @discardableResult
    func stopSending() -> Bool {
        guard case .running(let task) = sending else {
            if case .failed = sending { return true }
            return false
        }
        task.cancel()
        sending = .stopped
        // All bytes are out, and only the sequence has not said that it is over.
        return uploadLeft != 0
    }

    private func send(_ message: OutgoingMessage) async {
        do {
            try await lease.connection.write(message.bytes)
            if let upload = message.upload {
                try await upload.send { piece in try await self.write(piece) }
                try await finishUpload()
            }
            if case .running = sending { sending = .done }
        } catch {
            guard case .running = sending else { return }
            sending = .failed(error)
            // A refusal may be waiting to be read although the rest could not be sent (H87).
            if (error as? SocketError)?.code == .connectionReset { return }
            // Cut, so that the peer cannot take half a body for a whole one, and the reader wakes.
            await lease.connection.abort()
        }
    }

    private func write(_ piece: [UInt8]) async throws {
        guard case .running = sending else { throw CancellationError() }
        guard let left = uploadLeft else {
            return try await lease.connection.write(ResponseWriter.chunk(piece))
        }
        guard piece.count <= left else {
            throw ClientError(.invalidRequest, "the body is longer than its declared length")
        }
        try await lease.connection.write(piece)
        uploadLeft = left - piece.count
    }

    private func finishUpload() async throws {
        guard case .running = sending else { throw CancellationError() }
        guard let left = uploadLeft else {
            return try await lease.connection.write(ResponseWriter.lastChunk)
        }
        guard left == 0 else {
            throw ClientError(.invalidRequest, "the body is shorter than its declared length")
        }
    }
}
