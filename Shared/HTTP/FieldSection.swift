/// How much a section of field lines may hold.
struct FieldLimits: Sendable {
    /// All lines together with their CRLFs.
    let sizeMax: Int
    /// One line.
    let lineMax: Int
    let countMax: Int
    /// Whether names with an underscore count like others (H37, PX-2).
    let keepsUnderscores: Bool

    init(_ limits: HTTPLimits, sizeMax: Int, keepsUnderscores: Bool) {
        self.sizeMax = sizeMax
        self.keepsUnderscores = keepsUnderscores
        lineMax = limits.fieldLineMax
        countMax = limits.fieldsMax
    }
}

/// Reads the field lines of a head or of trailers under the limits (RFC 9112 §5).
struct FieldSection: Sendable {
    /// Lines dropped because their name holds an underscore (H37, PX-2).
    private(set) var dropped = 0
    private var size = 0
    private var count = 0
    private let limits: FieldLimits

    init(limits: HTTPLimits, sizeMax: Int, keepsUnderscores: Bool = false) {
        self.limits = FieldLimits(limits, sizeMax: sizeMax, keepsUnderscores: keepsUnderscores)
    }

    /// Back to the state before the first line.
    mutating func restart() {
        dropped = 0
        size = 0
        count = 0
    }

    /// Reads lines into `head` until the empty one. True when the section is complete, false for
    /// more input.
    mutating func read(from input: inout InputBuffer, into head: inout HeadBuffer)
        throws(ParseError) -> Bool
    {
        // Nearly every section comes in one piece with nothing wrong in it.
        if size == 0, input.isUntouched, readWhole(from: &input, into: &head) { return true }
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
            Self.own(&head)
            dropped += try head.add(input.bytes[lines], limits)
        }
        return try outcome.get()
    }

    /// Reads each byte once instead of twice. False when the end is not there or anything is refused:
    /// then nothing has happened, and the careful way finds out what to wait for or to say.
    private mutating func readWhole(from input: inout InputBuffer, into head: inout HeadBuffer)
        -> Bool
    {
        guard !input.isEmpty else { return false }
        Self.own(&head)
        guard let dropped = head.addSection(from: &input, limits) else { return false }
        self.dropped = dropped
        return true
    }

    /// A parser may have been copied half-way through a head.
    private static func own(_ head: inout HeadBuffer) {
        if !isKnownUniquelyReferenced(&head) { head = head.copy() }
    }

    /// The range of all complete lines, with their CRLFs; true when the empty line followed.
    private mutating func takeLines(from input: inout InputBuffer, _ lines: inout Range<Int>)
        throws(ParseError) -> Bool
    {
        while true {
            let line: Range<Int>?
            do throws(InputBuffer.LineError) {
                // The line's CRLF belongs to the section.
                line = try input.takeLine(
                    limit: min(limits.lineMax, max(0, limits.sizeMax - size - 2)))
            } catch {
                throw error.parseError(
                    tooLong: .fieldsTooLarge("A header field or the section is too large."))
            }
            guard let line else { return false }
            if line.isEmpty { return true }
            size += line.count + 2
            count += 1
            guard count <= limits.countMax else {
                throw .fieldsTooLarge("More than \(limits.countMax) header fields.")
            }
            lines = (lines.isEmpty ? line.lowerBound : lines.lowerBound)..<line.upperBound + 2
        }
    }
}
