/// A response's status and fields.
package struct ResponseHead: Sendable {
    package let status: Int
    package let version: HTTPVersion
    package let headers: Headers
    package let framing: BodyFraming

    /// The connection may carry another request once the body has ended (RFC 9112 §9.3).
    package var keepsAlive: Bool {
        version == .http11 && framing != .untilClose
            && !headers.tokens("connection").contains("close")
    }
}

/// One response out of a stream of bytes, the counterpart of `RequestParser`.
///
/// Interim responses (1xx) are swallowed (U3); doubtful framing is an error, and the caller drops
/// the connection (U1, PX-4). Make a new parser for each exchange.
package struct ResponseParser: Sendable {
    package enum Event: Sendable {
        case head(ResponseHead)
        case body([UInt8])
        case end
    }

    private enum State {
        case statusLine
        case fields(status: Int, version: HTTPVersion)
        case body(BodyDecoder)
        case done
        case failed(ParseError)
    }

    private var state = State.statusLine
    private var input = InputBuffer()
    private var buffer = HeadBuffer()
    private var section: FieldSection
    private var interimCount = 0
    private let method: Method
    private let limits: HTTPLimits

    /// Interim responses accepted before the final one.
    private static let interimMax = 8

    package init(to method: Method, limits: HTTPLimits = .standard) {
        self.method = method
        self.limits = limits
        section = FieldSection(
            limits: limits, sizeMax: limits.sectionMax, keepsUnderscores: true)
    }

    /// Bytes that arrived behind the response: the connection must not be used again (U6).
    package var hasSurplus: Bool {
        if case .done = state { return !input.isEmpty }
        return false
    }

    package mutating func append(_ bytes: some Collection<UInt8>) {
        if case .failed = state { return }
        input.append(bytes)
    }

    package mutating func next() throws(ParseError) -> Event? {
        do throws(ParseError) {
            return try step()
        } catch {
            state = .failed(error)
            input.removeAll()
            throw error
        }
    }

    /// The peer has closed. Returns `.end` when that completes the body, throws when it cuts it.
    package mutating func close() throws(ParseError) -> Event? {
        switch state {
        case .done: return nil
        case .failed(let error): throw error
        case .statusLine, .fields: throw .truncated
        case .body(let decoder):
            try decoder.closed()
            state = .done
            return .end
        }
    }

    private mutating func step() throws(ParseError) -> Event? {
        while true {
            switch state {
            case .statusLine:
                guard let line = try takeStatusLine() else { return nil }
                let (status, version) = try Self.statusLine(input.bytes[line])
                // A head of its own for each: an interim one may still be held by somebody.
                buffer = HeadBuffer()
                section = FieldSection(
                    limits: limits, sizeMax: limits.sectionMax, keepsUnderscores: true)
                state = .fields(status: status, version: version)
            case .fields(let status, let version):
                guard try section.read(from: &input, into: &buffer) else { return nil }
                if let head = try head(status, version) { return .head(head) }
            case .body(var decoder):
                let step = try decoder.next(from: &input)
                state = .body(decoder)
                switch step {
                case .data(let data): return .body(data)
                case .needsInput: return nil
                case .end:
                    state = .done
                    return .end
                }
            case .done: return nil
            case .failed(let error): throw error
            }
        }
    }

    /// Nil for an interim response.
    private mutating func head(_ status: Int, _ version: HTTPVersion)
        throws(ParseError) -> ResponseHead?
    {
        if status < 200 {
            interimCount += 1
            // 101 changes the protocol, which was never asked for.
            guard status != 101, interimCount <= Self.interimMax else {
                throw .malformed("An interim response that was not asked for.")
            }
            state = .statusLine
            return nil
        }
        let framing = try BodyFraming.response(
            status: status, to: method, head: buffer, version: version)
        state = .body(try BodyDecoder(framing, limit: Int.max, limits: limits))
        return ResponseHead(
            status: status, version: version, headers: Headers(received: buffer), framing: framing)
    }

    private mutating func takeStatusLine() throws(ParseError) -> Range<Int>? {
        do throws(InputBuffer.LineError) {
            return try input.takeLine(limit: limits.startLineMax)
        } catch {
            throw error.parseError(tooLong: .malformed("The status line is too long."))
        }
    }

    /// `HTTP/1.x SP 3DIGIT [SP reason]` (RFC 9112 §4).
    private static func statusLine(_ line: ArraySlice<UInt8>) throws(ParseError)
        -> (Int, HTTPVersion)
    {
        let bytes = Array(line)[...]
        guard bytes.count >= 12, bytes[8] == Character8.space,
            bytes[9..<12].allSatisfy(Character8.isDigit),
            bytes.count == 12 || bytes[12] == Character8.space
        else { throw .malformed("The status line is malformed.") }
        let version = try StartLine.version(bytes[0..<8])
        let status = bytes[9..<12].reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard status >= 100 else { throw .malformed("The status is out of range.") }
        return (status, version)
    }
}
