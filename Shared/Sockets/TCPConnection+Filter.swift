package import Basics

extension TCPConnection {
    /// Puts a filter between the socket and the plain bytes, and returns when both sides have agreed
    /// (TLS: when the handshake is over). Before any other byte is read or written; from then on
    /// `read`, `write`, `finishWriting` and the peer's end are those of the protected stream.
    ///
    /// Throws `.handshake` with what the filter said, `.timeout` at the deadline, `.connectionReset`
    /// when the peer leaves, `.cancelled`, `.closed`.
    package func secure(_ filter: sending any TransportFilter, deadline: Deadline)
        async throws(SocketError)
    {
        precondition(self.filter == nil && !isWriting, "a connection is secured once, and first")
        self.filter = filter
        do {
            try filter.begin(wire: &output)
        } catch {
            throw failFilter(error)
        }
        // What arrived before belongs to the filter.
        filterInput = input
        input = []
        if !filterInput.isEmpty { passThroughFilter() }
        try await drainOutput()
        while self.filter?.isEstablished == false {
            switch end {
            case .failed(let error): throw error
            case .finished: throw SocketError(.connectionReset, "handshake")
            case nil: break
            }
            guard !Task.isCancelled else { throw SocketError(.cancelled, "handshake") }
            let number = timer.waits + 1
            let failure = await withTaskCancellationHandler {
                await suspendReader(until: deadline)
            } onCancel: {
                loop.execute { self.assumeIsolated { $0.cancelHandshake(number) } }
            }
            if let failure { throw failure }
        }
    }

    private func cancelHandshake(_ number: UInt64) {
        guard reader?.number == number else { return }
        resumeReader(SocketError(.cancelled, "handshake"))
    }

    /// Received bytes become plain ones, and what the filter answers is sent.
    func passThroughFilter() {
        guard let filter else { return }
        var failure: SocketError?
        do {
            try filter.receive(filterInput, plain: &input, wire: &output)
        } catch {
            failure = SocketError(.handshake, "\(error)")
        }
        filterInput.removeAll(keepingCapacity: true)
        // During a write the writer sends it, behind what it is sending.
        if !isWriting, outputStart < output.count {
            // Ignored: `sendOutput` has told the peer's end already.
            try? sendOutput()
        }
        if let failure {
            peerEnded(.failed(failure))
        } else if filter.peerHasFinished {
            peerEnded(.finished)
        }
    }

    /// A filter that failed leaves a stream that nobody can go on with.
    func failFilter(_ error: any Error) -> SocketError {
        let failure = SocketError(.handshake, "\(error)")
        peerEnded(.failed(failure))
        return failure
    }
}
