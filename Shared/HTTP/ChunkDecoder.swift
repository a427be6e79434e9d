/// The chunked coding (RFC 9112 §7.1), strict: CRLF only, no blanks around sizes, bounded overhead.
package struct ChunkDecoder: Sendable {
    /// What a call found in the bytes so far.
    package enum Step: Sendable, Equatable {
        case data([UInt8])
        case end
        case needsInput
    }

    private enum State {
        /// Exits: `data`, or `trailers` for size 0.
        case size
        /// Exits: `dataEnd` when no byte is left.
        case data(left: Int)
        /// The CRLF after a chunk's data. Exits: `size`.
        case dataEnd(sawReturn: Bool)
        /// Exits: `done`.
        case trailers(FieldSection, HeadBuffer)
        case done
    }

    private var state = State.size
    private let limits: HTTPLimits
    private var extensionBytes = 0
    private var overheadBytes = 0
    private var dataBytes = 0

    package init(limits: HTTPLimits = .standard) { self.limits = limits }

    mutating func next(from input: inout InputBuffer) throws(ParseError) -> Step {
        while true {
            switch state {
            case .size:
                guard let size = try readSize(from: &input) else { return .needsInput }
                if size > 0 {
                    state = .data(left: size)
                } else {
                    state = .trailers(
                        FieldSection(limits: limits, sizeMax: limits.trailersMax), HeadBuffer())
                }
            case .data(let left):
                let data = input.take(atMost: min(left, BodyDecoder.pieceMax))
                guard !data.isEmpty else { return .needsInput }
                // A multiple is only ever compared, and saturates for endless streams.
                dataBytes = min(dataBytes + data.count, Int.max / 16)
                state = left > data.count ? .data(left: left - data.count) : .dataEnd(sawReturn: false)
                return .data(data)
            case .dataEnd(let sawReturn):
                guard let byte = input.takeByte() else { return .needsInput }
                guard byte == (sawReturn ? Character8.lf : Character8.cr) else {
                    throw .malformed("Chunk data is not followed by CRLF.")
                }
                state = sawReturn ? .size : .dataEnd(sawReturn: true)
            case .trailers(var section, var dropped):
                // Trailers are read for their end and dropped (RFC 9110 §6.5.1, H76).
                let complete = try section.read(from: &input, into: &dropped)
                state = complete ? .done : .trailers(section, dropped)
                if !complete { return .needsInput }
            case .done:
                return .end
            }
        }
    }

    private mutating func readSize(from input: inout InputBuffer) throws(ParseError) -> Int? {
        let line: Range<Int>?
        do throws(InputBuffer.LineError) {
            line = try input.takeLine(limit: Self.sizeDigitsMax + limits.chunkExtensionMax)
        } catch {
            throw error.parseError(tooLong: .malformed("A chunk's size line is too long."))
        }
        guard let line else { return nil }
        overheadBytes = min(overheadBytes + line.count + 4, Int.max / 2)
        // Floods of tiny chunks cost us more than the sender; ordinary small chunks pass (H78).
        guard overheadBytes <= limits.chunkOverheadMax + 4 * dataBytes else {
            throw .malformed("The body is mostly chunk framing.")
        }
        return try parseSize(input.bytes[line])
    }

    /// 16 hex digits hold every size up to 2^63 (H68, H69).
    private static let sizeDigitsMax = 16

    private mutating func parseSize(_ line: ArraySlice<UInt8>) throws(ParseError) -> Int {
        let digits = line.prefix { Character8.hexValue($0) != nil }
        guard !digits.isEmpty, digits.count <= Self.sizeDigitsMax else {
            throw .malformed("A chunk size is not a hexadecimal number.")
        }
        let size = digits.reduce(UInt64(0)) { $0 << 4 | UInt64(Character8.hexValue($1) ?? 0) }
        guard let size = Int(exactly: size) else {
            throw .malformed("A chunk size is out of range.")
        }
        let rest = line[digits.endIndex...]
        if !rest.isEmpty {
            extensionBytes += rest.count
            guard extensionBytes <= limits.chunkExtensionsMax,
                rest.count <= limits.chunkExtensionMax
            else { throw .malformed("Chunk extensions are too long.") }
            try ChunkExtension.check(rest)
        }
        return size
    }
}

/// `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )` (RFC 9112 §7.1.1; H70, H71). Bad
/// whitespace is taken away, as RFC 9110 §5.6.3 demands of every recipient; where no extension
/// follows there is none to take (H67).
private enum ChunkExtension {
    static func check(_ text: ArraySlice<UInt8>) throws(ParseError) {
        var rest = text
        while !rest.isEmpty {
            skipWhitespace(&rest)
            guard rest.popFirst() == Character8.semicolon else { throw malformed }
            skipWhitespace(&rest)
            try skipToken(&rest)
            var value = rest
            skipWhitespace(&value)
            guard value.popFirst() == Character8.equals else { continue }
            rest = value
            skipWhitespace(&rest)
            if rest.first == Character8.quote {
                try skipQuoted(&rest)
            } else {
                try skipToken(&rest)
            }
        }
    }

    private static let malformed = ParseError.malformed("A chunk extension is malformed.")

    private static func skipWhitespace(_ rest: inout ArraySlice<UInt8>) {
        while let byte = rest.first, Character8.isWhitespace(byte) { rest.removeFirst() }
    }

    private static func skipToken(_ rest: inout ArraySlice<UInt8>) throws(ParseError) {
        let token = rest.prefix(while: Character8.isToken)
        guard !token.isEmpty else { throw malformed }
        rest = rest[token.endIndex...]
    }

    private static func skipQuoted(_ rest: inout ArraySlice<UInt8>) throws(ParseError) {
        rest.removeFirst()
        while let byte = rest.popFirst() {
            if byte == Character8.quote { return }
            // Control characters were refused by the line search already.
            if byte == Character8.backslash, rest.popFirst() == nil { throw malformed }
        }
        throw malformed
    }
}
