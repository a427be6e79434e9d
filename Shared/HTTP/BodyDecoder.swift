/// Turns framed bytes into body bytes and finds the end (RFC 9112 §6–7).
struct BodyDecoder: Sendable {
    enum Step: Sendable, Equatable {
        case data([UInt8])
        case end
        case needsInput
    }

    /// How the end is found.
    private let framing: BodyFraming
    /// Bytes of the declared length that are still to come; 0 means the end.
    private var left = 0
    /// Changed where it is: it is too large to be taken out and put back for each piece.
    private var chunks: ChunkDecoder?
    private var received = 0
    /// Data bytes accepted; beyond: 413.
    private(set) var limit: Int

    /// Bytes handed out at once, so that a consumer's memory stays bounded.
    static let pieceMax = 64 * 1024

    init(_ framing: BodyFraming, limit: Int, limits: HTTPLimits) throws(ParseError) {
        self.limit = limit
        self.framing = framing
        switch framing {
        case .length(let length):
            guard length <= limit else { throw .bodyTooLarge(limit) }
            left = length
        case .chunked: chunks = ChunkDecoder(limits: limits)
        case .none, .untilClose: break
        }
    }

    /// Changes the limit before the body is read; a declared length beyond it throws (H54).
    mutating func setLimit(_ newLimit: Int) throws(ParseError) {
        limit = newLimit
        guard left <= newLimit else { throw .bodyTooLarge(newLimit) }
    }

    mutating func next(from input: inout InputBuffer) throws(ParseError) -> Step {
        switch framing {
        case .none: return .end
        case .length:
            guard left > 0 else { return .end }
            let data = input.take(atMost: min(left, Self.pieceMax))
            guard !data.isEmpty else { return .needsInput }
            left -= data.count
            return .data(data)
        case .untilClose:
            let data = input.take(atMost: Self.pieceMax)
            return data.isEmpty ? .needsInput : try counted(data)
        case .chunked:
            switch try chunks?.next(from: &input) ?? .end {
            case .data(let data): return try counted(data)
            case .end: return .end
            case .needsInput: return .needsInput
            }
        }
    }

    /// The peer has closed: nil error when that is how this body ends.
    func closed() throws(ParseError) {
        switch framing {
        case .untilClose, .none: return
        case .length: if left > 0 { throw .truncated }
        case .chunked: throw .truncated
        }
    }

    private mutating func counted(_ data: [UInt8]) throws(ParseError) -> Step {
        // Written so that a limit of Int.max (streams) cannot overflow.
        guard data.count <= limit - min(received, limit) else { throw .bodyTooLarge(limit) }
        received += data.count
        return .data(data)
    }
}
