import Basics
import HTTP
import Testing

/// Everything a response parser said about some bytes and the connection's end.
struct ResponseTranscript: Equatable {
    var events: [String] = []
    var body: [UInt8] = []
    var error: ParseError?
    var hasSurplus = false

    /// Feeds pieces, drains the parser after each, and closes at the end.
    init(_ pieces: [some Collection<UInt8>], to method: Method) {
        var parser = ResponseParser(to: method)
        do throws(ParseError) {
            for piece in pieces {
                parser.append(piece)
                while let event = try parser.next() { note(event) }
            }
            hasSurplus = parser.hasSurplus
            if let event = try parser.close() { note(event) }
        } catch {
            self.error = error
        }
    }

    private mutating func note(_ event: ResponseParser.Event) {
        switch event {
        case .head(let head):
            let fields = head.headers.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
            events.append("\(head.status) [\(fields)] \(head.framing) keep=\(head.keepsAlive)")
        case .body(let piece): body += piece
        case .end: events.append("end")
        }
    }
}

/// Whole, cut in two at every place, and byte by byte.
func expectTheSameAtEverySplit(_ bytes: [UInt8], to method: Method = .get) {
    let whole = ResponseTranscript([bytes], to: method)
    for cut in bytes.indices {
        let split = ResponseTranscript([bytes[..<cut], bytes[cut...]], to: method)
        #expect(split == whole, "cut at \(cut) of \(String(decoding: bytes, as: UTF8.self))")
    }
    #expect(ResponseTranscript(bytes.map { [$0] }, to: method) == whole)
}

@Suite struct ResponseSplitTests {
    static let samples = [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: a b\r\n\r\nhello",
        "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\nT: 1\r\n\r\n",
        "HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nuntil the end",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut",
        "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n",
    ]

    @Test(arguments: samples)
    func `H83: any response gives the same result at every split and byte by byte`(text: String) {
        for method in [Method.get, .head] {
            expectTheSameAtEverySplit(Array(text.utf8), to: method)
        }
    }

    @Test(arguments: [UInt64(1), 20_261_121, 0xbeef])
    func `H83: mutated responses are accepted or refused alike at any split`(seed: UInt64) {
        let random = RandomSource.seeded(seed)
        func below(_ limit: Int) -> Int { Int(random.next() % UInt64(max(1, limit))) }
        let interesting: [UInt8] = [0, 9, 10, 13, 32, 34, 44, 48, 49, 58, 59, 61, 102, 127, 255]
        for _ in 0..<2_000 {
            var bytes = Array(Self.samples[below(Self.samples.count)].utf8)
            for _ in 0...below(3) {
                let at = below(bytes.count)
                switch below(3) {
                case 0: bytes[at] = interesting[below(interesting.count)]
                case 1: bytes.insert(interesting[below(interesting.count)], at: at)
                default: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 9)], at: at)
                }
            }
            let whole = ResponseTranscript([bytes], to: .get)
            let cut = below(bytes.count)
            #expect(ResponseTranscript([bytes[..<cut], bytes[cut...]], to: .get) == whole)
            #expect(ResponseTranscript(bytes.map { [$0] }, to: .get) == whole)
        }
    }
}
