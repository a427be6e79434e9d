import HTTP
import Sockets
import Synchronization

/// Writes the pieces of a streamed response body. Several tasks of a handler may write: each piece
/// goes out whole, one after the other, and a write returns when the kernel has the piece.
final class StreamWriter: BodyWriter {
    private enum State {
        /// Goes to `broken` when a write fails, to `over` when the handler has returned.
        case open
        /// Part of a piece may be out: the framing is lost.
        case broken
        case over
    }

    /// Tasks of one handler that may wait for their turn to write.
    private static let writersMax = 64
    private let connection: TCPConnection
    private let framing: ResponseFraming
    private let turn = LoopSemaphore(permits: 1, waitersMax: writersMax)
    private let state = Mutex(State.open)
    /// Bytes that the declared length still allows.
    private let left: Mutex<Int>

    init(_ connection: TCPConnection, _ framing: ResponseFraming) {
        self.connection = connection
        self.framing = framing
        if case .length(let length) = framing { left = Mutex(length) } else { left = Mutex(.max) }
    }

    func write(_ bytes: [UInt8]) async throws {
        // An empty chunk would end the body.
        guard !bytes.isEmpty else { return }
        try await turn.acquire()
        defer { turn.release() }
        guard state.withLock({ $0 == .open }) else { throw SocketError(.closed, "stream") }
        do {
            try countDeclared(bytes.count)
            try await connection.write(
                framing == .chunked ? ResponseWriter.chunk(bytes) : bytes)
        } catch {
            state.withLock { $0 = .broken }
            throw error
        }
    }

    /// Waits for the write under way and refuses later ones. Throws when a piece was lost, even if
    /// the handler took no notice of it.
    func finish() async throws {
        try await turn.acquire()
        defer { turn.release() }
        let isBroken = state.withLock { state in
            defer { state = .over }
            return state == .broken
        }
        if isBroken { throw SocketError(.closed, "stream") }
        guard case .length = framing, left.withLock({ $0 }) > 0 else { return }
        throw WriteError(detail: "the body is shorter than its declared length")
    }

    /// A byte too many would be read as the next response (RFC 9112 §6.3).
    private func countDeclared(_ count: Int) throws(WriteError) {
        guard case .length = framing else { return }
        let fits = left.withLock { left in
            guard count <= left else { return false }
            left -= count
            return true
        }
        guard fits else { throw WriteError(detail: "the body is longer than its declared length") }
    }
}
