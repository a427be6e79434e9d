import HTTP
import Testing

@Suite struct ResponseParserTests {
    private func parse(_ text: String, to method: Method = .get, closes: Bool = false)
        -> (events: [String], error: ParseError?, surplus: Bool)
    {
        var results: [([String], ParseError?, Bool)] = []
        // Whole, and one byte at a time: both must agree.
        for pieces in [[Array(text.utf8)], Array(text.utf8).map { [$0] }] {
            var parser = ResponseParser(to: method)
            var events: [String] = []
            var body: [UInt8] = []
            var failure: ParseError?
            func record(_ event: ResponseParser.Event) {
                switch event {
                case .head(let head): events.append("\(head.status) keep=\(head.keepsAlive)")
                case .body(let data): body += data
                case .end: events.append("end(\(String(decoding: body, as: UTF8.self)))")
                }
            }
            do throws(ParseError) {
                for piece in pieces {
                    parser.append(piece)
                    while let event = try parser.next() { record(event) }
                }
                if closes, let event = try parser.close() { record(event) }
            } catch {
                failure = error
            }
            results.append((events, failure, parser.hasSurplus))
        }
        #expect(results[0].0 == results[1].0)
        #expect(results[0].1 == results[1].1)
        return results[0]
    }

    @Test func `a body ends by length, by last chunk or by close`() {
        #expect(
            parse("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").events
                == ["200 keep=true", "end(hi)"])
        #expect(
            parse("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n").events
                == ["200 keep=true", "end(hi)"])
        #expect(
            parse("HTTP/1.1 200 OK\r\n\r\nhi", closes: true).events
                == ["200 keep=false", "end(hi)"])
    }

    @Test func `HEAD, 204 and 304 have no body whatever the head says`() {
        #expect(
            parse("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", to: .head).events
                == ["200 keep=true", "end()"])
        #expect(parse("HTTP/1.1 204 No\r\n\r\n").events == ["204 keep=true", "end()"])
        #expect(
            parse("HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n").events
                == ["304 keep=true", "end()"])
    }

    @Test func `interim responses are swallowed, within a limit (U3)`() {
        let interim = "HTTP/1.1 103 Hints\r\nLink: a\r\n\r\n"
        #expect(
            parse("HTTP/1.1 100 Continue\r\n\r\n" + interim + "HTTP/1.1 204 x\r\n\r\n").events
                == ["204 keep=true", "end()"])
        #expect(parse("HTTP/1.1 101 Switching\r\n\r\n").error != nil)
        #expect(parse(String(repeating: interim, count: 9)).error != nil)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : a\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n",
    ])
    func `a doubtful response is an error (U1)`(text: String) {
        #expect(parse(text).error != nil)
    }

    @Test func `a cut body is an error, never an end (U2)`() {
        #expect(
            parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", closes: true).error
                == .truncated)
        #expect(
            parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", closes: true)
                .error == .truncated)
        #expect(parse("HTTP/1.1 200", closes: true).error == .truncated)
    }

    @Test func `bytes behind the response are noticed (U6)`() {
        #expect(parse("HTTP/1.1 204 x\r\n\r\nHTTP/1.1").surplus)
        #expect(!parse("HTTP/1.1 204 x\r\n\r\n").surplus)
    }
}
