/// Reads the field lines of a head or of trailers under the limits (RFC 9112 §5).
struct FieldSection: Sendable {
    /// Lines dropped because their name holds an underscore (H37, PX-2).
    private(set) var dropped = 0
    private var size = 0
    private var count = 0
    private let sizeMax: Int
    private let lineMax: Int
    private let countMax: Int
    private let keepsUnderscores: Bool

    init(limits: HTTPLimits, sizeMax: Int, keepsUnderscores: Bool = false) {
        self.sizeMax = sizeMax
        self.keepsUnderscores = keepsUnderscores
        lineMax = limits.fieldLineMax
        countMax = limits.fieldsMax
    }

    /// Reads lines into `head` until the empty one. True when the section is complete, false for
    /// more input.
    mutating func read(from input: inout InputBuffer, into head: inout HeadBuffer)
        throws(ParseError) -> Bool
    {
        var lines = 0..<0
        var outcome: Result<Bool, ParseError>
        do throws(ParseError) {
            outcome = .success(try takeLines(from: &input, &lines))
        } catch {
            outcome = .failure(error)
        }
        // Together, since that is one copy; and before the error of a line behind them, since the
        // answer must not depend on how the bytes came (H83).
        if !lines.isEmpty {
            // A parser may have been copied half-way through a head.
            if !isKnownUniquelyReferenced(&head) { head = head.copy() }
            dropped += try head.add(input.bytes[lines], keepsUnderscores: keepsUnderscores)
        }
        return try outcome.get()
    }

    /// The range of all complete lines, with their CRLFs; true when the empty line followed.
    private mutating func takeLines(from input: inout InputBuffer, _ lines: inout Range<Int>)
        throws(ParseError) -> Bool
    {
        while true {
            let line: Range<Int>?
            do throws(InputBuffer.LineError) {
                // The line's CRLF belongs to the section.
                line = try input.takeLine(limit: min(lineMax, max(0, sizeMax - size - 2)))
            } catch {
                throw error.parseError(
                    tooLong: .fieldsTooLarge("A header field or the section is too large."))
            }
            guard let line else { return false }
            if line.isEmpty { return true }
            size += line.count + 2
            count += 1
            guard count <= countMax else {
                throw .fieldsTooLarge("More than \(countMax) header fields.")
            }
            lines = (lines.isEmpty ? line.lowerBound : lines.lowerBound)..<line.upperBound + 2
        }
    }
}
