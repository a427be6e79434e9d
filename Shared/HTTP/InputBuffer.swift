/// Received bytes that were not consumed yet, and how far the search for the line end has come:
/// no byte is looked at twice, however the input was split.
struct InputBuffer: Sendable {
    enum LineError: Error {
        case bareLineFeed, bareCarriageReturn, control, tooLong
    }

    private(set) var bytes: [UInt8] = []
    /// Index of the first unconsumed byte.
    private var start = 0
    /// Index of the first byte that the line search has not looked at; never before `start`.
    private var scanned = 0

    /// Consumed bytes are dropped once they are this many; below it the copy is not worth it.
    private static let compactionMin = 16 * 1_024
    /// A larger buffer is not kept for the next bytes: most connections never need one again.
    private static let keptMax = 4 * 1_024

    var count: Int { bytes.count - start }
    var isEmpty: Bool { start == bytes.count }

    /// Whether a byte is among the first so many unconsumed ones.
    func holds(_ byte: UInt8, within count: Int) -> Bool {
        bytes[start...].prefix(count).contains(byte)
    }

    mutating func append(_ more: some Collection<UInt8>) {
        dropConsumed()
        bytes.append(contentsOf: more)
    }

    /// Takes a whole buffer over, and gives back one that may be filled next: empty, perhaps with
    /// room.
    mutating func append(taking more: consuming [UInt8]) -> [UInt8] {
        guard isEmpty else {
            append(more)
            return Self.emptied(more)
        }
        let spare = Self.emptied(bytes)
        bytes = more
        start = 0
        scanned = 0
        return spare
    }

    private static func emptied(_ buffer: consuming [UInt8]) -> [UInt8] {
        guard buffer.capacity <= keptMax else { return [] }
        buffer.removeAll(keepingCapacity: true)
        return buffer
    }

    private mutating func dropConsumed() {
        if start == bytes.count {
            bytes.removeAll(keepingCapacity: true)
            start = 0
            scanned = 0
        } else if start >= Self.compactionMin {
            bytes.removeSubrange(0..<start)
            scanned -= start
            start = 0
        }
    }

    /// The next line's range in `bytes` without its CRLF, or nil when it is not complete. The range
    /// is valid until the next append. Only CRLF ends a line (RFC 9112 §2.2, the strict choice).
    mutating func takeLine(limit: Int) throws(LineError) -> Range<Int>? {
        // The first byte that would make the line too long.
        let bound = limit < count ? start + limit : bytes.count
        let index = bytes.withUnsafeBytes {
            ControlSearch.first($0, from: scanned, bound: bound)
        }
        scanned = index
        guard index < bytes.count else { return nil }
        switch bytes[index] {
        case Character8.cr: break
        case Character8.lf: throw .bareLineFeed
        case let byte where Character8.isControl(byte): throw .control
        default: throw .tooLong
        }
        // The LF is still to come: look at the CR again then, it costs one byte.
        guard index + 1 < bytes.count else { return nil }
        guard bytes[index + 1] == Character8.lf else { throw .bareCarriageReturn }
        let line = start..<index
        start = index + 2
        scanned = start
        return line
    }

    /// Whether nobody has looked at what comes next, or at a part of it.
    var isUntouched: Bool { scanned == start }

    /// Hands all unconsumed bytes to `reader`, which gives the number of those that it is done with, or
    /// nil: then nothing has happened.
    mutating func consume(_ reader: (UnsafeMutableBufferPointer<UInt8>) -> Int?) -> Bool {
        let first = start
        let taken = bytes.withUnsafeMutableBufferPointer { bytes in
            reader(UnsafeMutableBufferPointer(rebasing: bytes[first...]))
        }
        guard let taken else { return false }
        start += taken
        scanned = start
        return true
    }

    /// Up to `limit` bytes, as many as are there.
    mutating func take(atMost limit: Int) -> [UInt8] {
        let end = start + min(limit, count)
        let taken = Array(bytes[start..<end])
        start = end
        scanned = end
        return taken
    }

    /// One byte, nil when there is none.
    mutating func takeByte() -> UInt8? {
        guard start < bytes.count else { return nil }
        defer {
            start += 1
            scanned = start
        }
        return bytes[start]
    }

    mutating func removeAll() {
        bytes.removeAll()
        start = 0
        scanned = 0
    }
}

extension InputBuffer.LineError {
    /// The refusal for a line where being too long means `tooLong`.
    func parseError(tooLong: ParseError) -> ParseError {
        switch self {
        case .bareLineFeed: .malformed("A line ends with LF alone; CRLF is required.")
        case .bareCarriageReturn: .malformed("A CR is not followed by LF.")
        case .control: .malformed("A line holds a control character.")
        case .tooLong: tooLong
        }
    }
}
