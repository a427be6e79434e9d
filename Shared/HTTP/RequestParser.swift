/// Requests out of a stream of bytes: `append` what arrived, then call `next` until it gives nil, or
/// `nextHead` where only what belongs to a head matters.
///
/// The result does not depend on how the bytes were split (H83). After an error every call throws
/// the same error: exactly one refusal, then nothing more is parsed. Not copyable, since two parsers
/// would fill one head, and since it is too large to be copied by chance.
package struct RequestParser: ~Copyable, Sendable {
    /// What a message consists of, in this order.
    package enum Event: Sendable {
        case head(RequestHead)
        case body([UInt8])
        /// The message is complete; the next event belongs to the next request.
        case end
    }

    private enum State {
        /// Exits: `fields`.
        case startLine
        /// Exits: `body`; without one `end`, or at once `startLine` of the next request.
        case fields
        /// Exits: `startLine` of the next request.
        case body
        /// The end of a message without a body is to be told. Exits: `startLine` of the next request.
        case end
        /// No exit.
        case failed
    }

    private var state = State.startLine
    /// Before the request line.
    private var blankLines = 0
    private var input = InputBuffer()
    /// Of the message being read, and of the last one until the next begins.
    private var head = HeadBuffer()
    private var section: FieldSection
    /// While there is a body.
    private var decoder: BodyDecoder?
    private var failure: ParseError?
    private let limits: HTTPLimits

    /// With no input yet.
    package init(limits: HTTPLimits = .standard) {
        self.limits = limits
        section = FieldSection(limits: limits, sizeMax: limits.sectionMax)
    }

    /// Nothing of a next request has arrived: the connection may be closed without an answer (H85).
    package var isIdle: Bool { state == .startLine && input.isEmpty }

    /// Received bytes not yet parsed; a driver stops reading while there are many.
    package var bufferedCount: Int { input.count }

    /// Adds what has arrived; ignored after an error.
    package mutating func append(_ bytes: some Collection<UInt8>) {
        if state == .failed { return }
        input.append(bytes)
    }

    /// Takes a whole buffer over instead of copying it, and gives back an empty one to fill next.
    package mutating func append(taking bytes: consuming [UInt8]) -> [UInt8] {
        if state == .failed { return [] }
        return input.append(taking: bytes)
    }

    /// Gives back what is kept for the next request. Only while idle.
    package mutating func releaseMemory() {
        guard isIdle else { return }
        input.removeAll()
        head = HeadBuffer()
    }

    /// Sets the body's limit for the request whose head was just returned. Throws 413 at once when
    /// its declared length is beyond it: refused before it is read (H54).
    package mutating func limitBody(to limit: Int) throws(ParseError) {
        guard state == .body else { return }
        do throws(ParseError) {
            // The largest number stands for a limit that nobody has set yet.
            try decoder?.setLimit(min(limit, Int.max - 1))
        } catch {
            throw fail(error)
        }
    }

    /// The next event; nil for more input.
    package mutating func next() throws(ParseError) -> Event? {
        do throws(ParseError) {
            switch state {
            case .startLine, .fields:
                guard let head = try readHead() else { return nil }
                if state == .startLine { state = .end }
                return .head(head)
            case .body: return try readBody()
            case .end:
                state = .startLine
                return .end
            case .failed: throw failure ?? .truncated
            }
        } catch {
            throw fail(error)
        }
    }

    /// The next head. A message without a body is over with it: no event follows. Reads past whatever
    /// is left of the body before.
    package mutating func nextHead() throws(ParseError) -> RequestHead? {
        if state == .startLine {
            if input.isEmpty { return nil }
        } else {
            while state != .fields, state != .startLine {
                guard try next() != nil else { return nil }
            }
        }
        do throws(ParseError) {
            return try readHead()
        } catch {
            throw fail(error)
        }
    }

    private mutating func fail(_ error: ParseError) -> ParseError {
        state = .failed
        failure = error
        input.removeAll()
        return error
    }

    // MARK: Heads

    private mutating func readHead() throws(ParseError) -> RequestHead? {
        if state == .startLine {
            guard try readStartLine() else { return nil }
        }
        guard try section.read(from: &input, into: &head) else { return nil }
        let result = try RequestHead(judging: head, dropped: section.dropped)
        if result.hasBody {
            // The route's limit comes with `limitBody`; a length is judged when it is known.
            decoder = try BodyDecoder(result.framing, limit: Int.max, limits: limits)
            state = .body
        } else {
            state = .startLine
        }
        return result
    }

    /// False for more input.
    private mutating func readStartLine() throws(ParseError) -> Bool {
        while true {
            guard let line = try takeStartLine() else { return false }
            if !line.isEmpty {
                beginHead(try StartLine(input.bytes, line, limits: limits))
                return true
            }
            guard blankLines < limits.blankLinesMax else {
                throw .malformed("Too many empty lines before a request.")
            }
            blankLines += 1
        }
    }

    /// The buffer of the last head is filled again when nobody has kept it.
    private mutating func beginHead(_ line: StartLine) {
        if isKnownUniquelyReferenced(&head) { head.reset() } else { head = HeadBuffer() }
        head.setTarget(input.bytes, line.target)
        head.request.begin(line)
        section.restart()
        blankLines = 0
        state = .fields
    }

    private mutating func takeStartLine() throws(ParseError) -> Range<Int>? {
        do throws(InputBuffer.LineError) {
            return try input.takeLine(limit: limits.startLineMax)
        } catch {
            throw error.parseError(tooLong: tooLong)
        }
    }

    /// Where no blank has come, it is no target that is too long: nothing says that it is a request.
    private var tooLong: ParseError {
        guard input.holds(Character8.space, within: limits.startLineMax) else {
            return .malformed("The request line is too long, and has no target.")
        }
        return ParseError(status: 414, code: "uri_too_long", detail: "The request line is too long.")
    }

    // MARK: Bodies

    private mutating func readBody() throws(ParseError) -> Event? {
        if decoder?.limit == Int.max { try decoder?.setLimit(limits.bodyMax) }
        switch try decoder?.next(from: &input) ?? .end {
        case .data(let data): return .body(data)
        case .needsInput: return nil
        case .end:
            decoder = nil
            state = .startLine
            return .end
        }
    }
}
