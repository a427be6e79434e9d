/// Turns framed bytes into body bytes and finds the end (RFC 9112 §6–7).
struct BodyDecoder: Sendable {
    enum Step: Sendable, Equatable {
        case data([UInt8])
        case end
        case needsInput
    }

    private enum State {
        /// Bytes of the declared length that are still to come; 0 means the end.
        case length(Int)
        case chunked(ChunkDecoder)
        case untilClose
    }

    private var state: State
    private var received = 0
    /// Data bytes accepted; beyond: 413.
    private(set) var limit: Int

    /// Bytes handed out at once, so that a consumer's memory stays bounded.
    static let pieceMax = 64 * 1024

    init(_ framing: BodyFraming, limit: Int, limits: HTTPLimits) throws(ParseError) {
        self.limit = limit
        switch framing {
        case .none: state = .length(0)
        case .length(let length):
            guard length <= limit else { throw .bodyTooLarge(limit) }
            state = .length(length)
        case .chunked: state = .chunked(ChunkDecoder(limits: limits))
        case .untilClose: state = .untilClose
        }
    }

    /// Changes the limit before the body is read; a declared length beyond it throws (H54).
    mutating func setLimit(_ newLimit: Int) throws(ParseError) {
        limit = newLimit
        if case .length(let length) = state, length > newLimit { throw .bodyTooLarge(newLimit) }
    }

    mutating func next(from input: inout InputBuffer) throws(ParseError) -> Step {
        switch state {
        case .length(0): return .end
        case .length(let left):
            let data = input.take(atMost: min(left, Self.pieceMax))
            guard !data.isEmpty else { return .needsInput }
            state = .length(left - data.count)
            return .data(data)
        case .untilClose:
            let data = input.take(atMost: Self.pieceMax)
            return data.isEmpty ? .needsInput : try counted(data)
        case .chunked(var decoder):
            defer { state = .chunked(decoder) }
            switch try decoder.next(from: &input) {
            case .data(let data): return try counted(data)
            case .end: return .end
            case .needsInput: return .needsInput
            }
        }
    }

    /// The peer has closed: nil error when that is how this body ends.
    func closed() throws(ParseError) {
        switch state {
        case .untilClose, .length(0): return
        case .length, .chunked: throw .truncated
        }
    }

    private mutating func counted(_ data: [UInt8]) throws(ParseError) -> Step {
        // Written so that a limit of Int.max (streams) cannot overflow.
        guard data.count <= limit - min(received, limit) else { throw .bodyTooLarge(limit) }
        received += data.count
        return .data(data)
    }
}
