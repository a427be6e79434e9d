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

        var valueRange: Range<Int> { Int(value.lowerBound)..<Int(value.upperBound) }
    }

    /// Those behind `count` are of messages before: writing over them costs less than removing them.
    private(set) var bytes: [UInt8] = []
    private var count = 0
    private(set) var lines: [Line] = []
    /// The request target is `bytes[..<targetEnd]`.
    private(set) var targetEnd = 0
    private var present: UInt16 = 0
    private var repeated: UInt16 = 0
    private var lengths: UInt64 = 0
    /// What was found out about the request; of no meaning for other messages.
    var request = RequestFacts()

    init() {}

    func copy() -> HeadBuffer {
        let other = HeadBuffer()
        (other.bytes, other.count) = (bytes, count)
        (other.lines, other.targetEnd) = (lines, targetEnd)
        (other.present, other.repeated, other.request) = (present, repeated, request)
        other.lengths = lengths
        return other
    }

    func reset() {
        count = 0
        lines.removeAll(keepingCapacity: true)
        targetEnd = 0
        present = 0
        repeated = 0
        lengths = 0
    }

    func setTarget(_ source: [UInt8], _ target: Range<Int>) {
        source.withUnsafeBufferPointer { append(UnsafeBufferPointer(rebasing: $0[target])) }
        targetEnd = count
    }

    private func append(_ more: UnsafeBufferPointer<UInt8>) {
        let start = count
        count += more.count
        if count > bytes.count {
            bytes.append(contentsOf: repeatElement(0, count: count - bytes.count))
        }
        // There is room for them from `start` on, as was just seen.
        guard let source = more.baseAddress else { return }
        bytes.withUnsafeMutableBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            (base + start).update(from: source, count: more.count)
        }
    }

    /// Adds lines, each with its CRLF and free of other control characters. Returns how many were
    /// dropped for an underscore in their name, which some readers take for a hyphen (H37, PX-2). Those
    /// read requests; a proxy must pass on the fields of a response that it does not know (RFC 9110
    /// §5.1). When a line is malformed none of them counts.
    func add(_ section: ArraySlice<UInt8>, _ limits: FieldLimits) throws(ParseError) -> Int {
        var reader = FieldLineReader(position: count, limits)
        section.withUnsafeBufferPointer { append($0) }
        // Out of the object while they are filled: each touch of a property of a class is checked.
        swap(&reader.lines, &lines)
        defer { swap(&reader.lines, &lines) }
        let end = count
        let failure = bytes.withUnsafeMutableBufferPointer {
            reader.read(UnsafeMutableBufferPointer(rebasing: $0[..<end]))
        }
        if let failure { throw failure.error }
        note(reader)
        return reader.dropped
    }

    /// The same for a whole section that `input` goes on with, to its empty line. Nil when it is not
    /// there or anything is wrong with it; then neither of the two has changed.
    func addSection(from input: inout InputBuffer, _ limits: FieldLimits) -> Int? {
        var reader = FieldLineReader(position: 0, shift: count, limits)
        swap(&reader.lines, &lines)
        defer { swap(&reader.lines, &lines) }
        let before = reader.lines.count
        // The names of the lines are put into lower case where they are; that is no change.
        let isComplete = input.consume { unread in
            guard let end = reader.readSection(unread) else { return nil }
            append(UnsafeBufferPointer(rebasing: unread[..<end]))
            return end
        }
        guard isComplete else {
            reader.lines.removeLast(reader.lines.count - before)
            return nil
        }
        note(reader)
        return reader.dropped
    }

    private func note(_ reader: FieldLineReader) {
        repeated |= reader.repeated | present & reader.present
        present |= reader.present
        lengths |= reader.lengths
    }

    // MARK: Asking

    /// False when no name has the length of this one, which rules out most of those that are asked for
    /// in vain.
    func mayHold(_ name: String) -> Bool { lengths & Self.lengthBit(name.utf8.count) != 0 }

    static func lengthBit(_ length: Int) -> UInt64 { 1 << UInt64(length & 63) }

    func has(_ known: KnownField) -> Bool { present & known.bit != 0 }

    func repeats(_ known: KnownField) -> Bool { repeated & known.bit != 0 }

    /// Where the first value of a field is in `bytes`; nil without one.
    func range(of known: KnownField) -> Range<Int>? {
        guard has(known) else { return nil }
        var index = 0
        while index < lines.count, lines[index].known != known { index += 1 }
        return index < lines.count ? lines[index].valueRange : nil
    }

    /// Whether any field that is known came twice.
    var repeatsKnown: Bool { repeated & ~KnownField.other.bit != 0 }

    /// The first value of a field; nil without one.
    func value(of known: KnownField) -> ArraySlice<UInt8>? { range(of: known).map { bytes[$0] } }

    /// Whether `test` holds for the members of a comma-separated list over all lines of a field,
    /// trimmed and without empty ones (RFC 9110 §5.6.1).
    func members(of known: KnownField, satisfy test: (Range<Int>) -> Bool) -> Bool {
        for line in lines where line.known == known {
            let value = line.valueRange
            var start = value.lowerBound
            while start < value.upperBound {
                var end = start
                while end < value.upperBound, bytes[end] != Character8.comma { end += 1 }
                let next = end + 1
                while start < end, Character8.isWhitespace(bytes[start]) { start += 1 }
                while end > start, Character8.isWhitespace(bytes[end - 1]) { end -= 1 }
                if start < end, !test(start..<end) { return false }
                start = next
            }
        }
        return true
    }

    /// Whether the bytes are `text`, which is in lower case, in any case.
    func equals(_ range: Range<Int>, ignoringCase text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { text in
            for offset in text.indices
            where Character8.lowercased(bytes[range.lowerBound + offset]) != text[offset] {
                return false
            }
            return true
        }
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
