/// Requests out of a stream of bytes: `append` what arrived, then call `next` until it gives nil.
///
/// The result does not depend on how the bytes were split (H83). After an error every call throws
/// the same error: exactly one refusal, then nothing more is parsed.
package struct RequestParser: Sendable {
    package enum Event: Sendable {
        case head(RequestHead)
        case body([UInt8])
        /// The message is complete; the next event belongs to the next request.
        case end
    }

    private enum State {
        /// Exits: `fields`.
        case startLine(blankLines: Int)
        /// Exits: `body`.
        case fields(Method, HTTPVersion)
        /// Exits: `startLine` of the next request.
        case body
        /// No exit.
        case failed(ParseError)
    }

    private var state = State.startLine(blankLines: 0)
    private var input = InputBuffer()
    /// Of the message being read, and of the last one until the next begins.
    private var head = HeadBuffer()
    private var section: FieldSection
    private var decoder: BodyDecoder?
    private let limits: HTTPLimits

    package init(limits: HTTPLimits = .standard) {
        self.limits = limits
        section = FieldSection(limits: limits, sizeMax: limits.sectionMax)
    }

    /// Nothing of a next request has arrived: the connection may be closed without an answer (H85).
    package var isIdle: Bool {
        if case .startLine = state { return input.isEmpty }
        return false
    }

    /// Received bytes not yet parsed; a driver stops reading while there are many.
    package var bufferedCount: Int { input.count }

    package mutating func append(_ bytes: some Collection<UInt8>) {
        if case .failed = state { return }
        input.append(bytes)
    }

    /// Takes a whole buffer over instead of copying it, and gives back an empty one to fill next.
    package mutating func append(taking bytes: consuming [UInt8]) -> [UInt8] {
        if case .failed = state { return [] }
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
        guard case .body = state else { return }
        do throws(ParseError) {
            // The largest number stands for a limit that nobody has set yet.
            try decoder?.setLimit(min(limit, Int.max - 1))
        } catch {
            throw fail(error)
        }
    }

    package mutating func next() throws(ParseError) -> Event? {
        do throws(ParseError) {
            return try step()
        } catch {
            throw fail(error)
        }
    }

    private mutating func fail(_ error: ParseError) -> ParseError {
        state = .failed(error)
        input.removeAll()
        return error
    }

    private mutating func step() throws(ParseError) -> Event? {
        while true {
            switch state {
            case .startLine(let blankLines):
                guard let line = try takeStartLine() else { return nil }
                if line.isEmpty {
                    guard blankLines < limits.blankLinesMax else {
                        throw .malformed("Too many empty lines before a request.")
                    }
                    state = .startLine(blankLines: blankLines + 1)
                } else {
                    let line = try StartLine(input.bytes[line], limits: limits)
                    beginHead(input.bytes[line.target])
                    state = .fields(line.method, line.version)
                }
            case .fields(let method, let version):
                guard try section.read(from: &input, into: &head) else { return nil }
                let head = try RequestHead(
                    method: method, version: version, buffer: head, dropped: section.dropped)
                // The route's limit comes with `limitBody`; a length is judged when it is known.
                decoder = try BodyDecoder(head.framing, limit: Int.max, limits: limits)
                state = .body
                return .head(head)
            case .body:
                guard let event = try bodyStep() else { return nil }
                return event
            case .failed(let error):
                throw error
            }
        }
    }

    private mutating func bodyStep() throws(ParseError) -> Event? {
        if decoder?.limit == Int.max { try decoder?.setLimit(limits.bodyMax) }
        switch try decoder?.next(from: &input) ?? .end {
        case .data(let data): return .body(data)
        case .needsInput: return nil
        case .end:
            decoder = nil
            state = .startLine(blankLines: 0)
            return .end
        }
    }

    /// The buffer of the last head is filled again when nobody has kept it.
    private mutating func beginHead(_ target: ArraySlice<UInt8>) {
        if isKnownUniquelyReferenced(&head) { head.reset() } else { head = HeadBuffer() }
        head.setTarget(target)
        section = FieldSection(limits: limits, sizeMax: limits.sectionMax)
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
}
