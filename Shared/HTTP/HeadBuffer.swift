/// The bytes of a message's head, and where their parts are: a request's target first, then the field
/// lines with their names in lower case. Text is made only when somebody asks for it.
///
/// A parser fills it, hands it out inside a head, and fills it again for the next message when
/// nobody has kept it; so a connection that answers one request after the other makes no memory.
// Reason: changed by its parser only, and only while no other reference exists (`isKnownUniquely…`).
final class HeadBuffer: @unchecked Sendable {
    /// One field line; positions in `bytes`.
    struct Line: Sendable {
        let name: Range<Int32>
        let value: Range<Int32>
        let known: KnownField
    }

    @exclusivity(unchecked) private(set) var bytes: [UInt8] = []
    @exclusivity(unchecked) private(set) var lines: [Line] = []
    /// The request target is `bytes[..<targetEnd]`.
    @exclusivity(unchecked) private(set) var targetEnd = 0
    @exclusivity(unchecked) private var present: UInt16 = 0
    @exclusivity(unchecked) private var repeated: UInt16 = 0

    init() {}

    func copy() -> HeadBuffer {
        let other = HeadBuffer()
        (other.bytes, other.lines, other.targetEnd) = (bytes, lines, targetEnd)
        (other.present, other.repeated) = (present, repeated)
        return other
    }

    func reset() {
        bytes.removeAll(keepingCapacity: true)
        lines.removeAll(keepingCapacity: true)
        targetEnd = 0
        present = 0
        repeated = 0
    }

    func setTarget(_ target: some Collection<UInt8>) {
        bytes.append(contentsOf: target)
        targetEnd = bytes.count
    }

    /// Adds lines, each with its CRLF and free of other control characters. Returns how many were
    /// dropped for an underscore in their name, which some readers take for a hyphen (H37, PX-2). Those
    /// read requests; a proxy must pass on the fields of a response that it does not know (RFC 9110
    /// §5.1). When a line is malformed none of them counts.
    func add(_ section: ArraySlice<UInt8>, keepsUnderscores: Bool) throws(ParseError) -> Int {
        let start = bytes.count
        bytes.append(contentsOf: section)
        // Out of the object while they are filled: each touch of a property of a class is checked.
        var reader = FieldLineReader(position: start, keepsUnderscores: keepsUnderscores)
        swap(&reader.lines, &lines)
        defer { swap(&reader.lines, &lines) }
        if let failure = bytes.withUnsafeMutableBufferPointer({ reader.read($0) }) {
            throw failure.error
        }
        repeated |= reader.repeated | present & reader.present
        present |= reader.present
        return reader.dropped
    }

    // MARK: Asking

    func has(_ known: KnownField) -> Bool { present & known.bit != 0 }

    func repeats(_ known: KnownField) -> Bool { repeated & known.bit != 0 }

    /// The first value of a field; nil without one.
    func value(of known: KnownField) -> ArraySlice<UInt8>? {
        guard has(known), let line = lines.first(where: { $0.known == known }) else { return nil }
        return slice(line.value)
    }

    func slice(_ range: Range<Int32>) -> ArraySlice<UInt8> {
        bytes[Int(range.lowerBound)..<Int(range.upperBound)]
    }

    /// Whether a line's name is `name`, in any case.
    func matches(_ line: Line, _ name: String) -> Bool {
        guard line.name.count == name.utf8.count else { return false }
        var index = Int(line.name.lowerBound)
        for byte in name.utf8 {
            guard bytes[index] == Character8.lowercased(byte) else { return false }
            index += 1
        }
        return true
    }

    /// One scalar per byte, so that obs-text survives (H34).
    func text(_ range: Range<Int32>) -> String { Self.text(slice(range)) }

    static func text(_ bytes: ArraySlice<UInt8>) -> String {
        if bytes.allSatisfy({ $0 < 0x80 }) { return String(decoding: bytes, as: UTF8.self) }
        var text = String.UnicodeScalarView()
        for byte in bytes { text.append(Unicode.Scalar(byte)) }
        return String(text)
    }
}
