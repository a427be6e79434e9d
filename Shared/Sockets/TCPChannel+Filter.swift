import Basics

extension TCPChannel {
    /// Puts a filter between the socket and the plain bytes, and begins to agree with the peer. Before
    /// any other byte is read or written.
    func begin(_ filter: sending any TransportFilter) async throws(SocketError) {
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
    }

    /// True when both sides have agreed, false while the reader has to wait for it.
    func isSecured() throws(SocketError) -> Bool {
        if filter?.isEstablished != false { return true }
        switch end {
        case .failed(let error): throw error
        case .finished: throw SocketError(.connectionReset, "handshake")
        case nil: return false
        }
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
        filterInput.removeAll(keepingCapacity: filterInput.capacity <= Self.keptBufferMax)
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
