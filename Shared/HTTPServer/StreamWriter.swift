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
    private let isChunked: Bool
    private let turn = LoopSemaphore(permits: 1, waitersMax: writersMax)
    private let state = Mutex(State.open)

    init(_ connection: TCPConnection, isChunked: Bool) {
        self.connection = connection
        self.isChunked = isChunked
    }

    func write(_ bytes: [UInt8]) async throws {
        // An empty chunk would end the body.
        guard !bytes.isEmpty else { return }
        try await turn.acquire()
        defer { turn.release() }
        guard state.withLock({ $0 == .open }) else { throw SocketError(.closed, "stream") }
        do {
            try await connection.write(isChunked ? ResponseWriter.chunk(bytes) : bytes)
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
    }
}
