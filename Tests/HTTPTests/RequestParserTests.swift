import HTTP
import Testing

@Suite struct RequestParserTests {
    static let valid: [String] = [
        get(),
        "\r\n\r\n" + get(target: "/a/b?x=1&y=%20"),
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        "get / HTTP/1.1\r\nHost: a\r\n\r\n",
        get(target: "http://A/x"),
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        get("X: a\tb \t\r\nY:\r\nx_y: dropped\r\n"),
        get("Content-Length: 5\r\n", method: "POST", body: "hello"),
        get("Content-Length: 0\r\n", method: "POST") + get(target: "/next"),
        get("Transfer-Encoding: \tChunked \r\n", method: "PUT", body: "5\r\nhello\r\n0\r\n\r\n"),
        get(
            "Transfer-Encoding: chunked\r\n", method: "PUT",
            body: "00a;a;b=c;d=\"e\\\"f\"\r\n0123456789\r\nA\r\n0123456789\r\n000\r\nt: x\r\n\r\n")
            + get(target: "/after"),
        get("Connection: Keep-Alive, Close\r\n"),
        get("Expect: 100-continue\r\nContent-Length: 1\r\n", method: "POST", body: "x"),
        get("Upgrade: h2c\r\nConnection: upgrade\r\n"),
    ]

    static let refused: [(String, Int)] = [
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
        ("GET / HTTP/1.1\rHost: a\r\n\r\n", 400),
        ("\r\n\r\n\r\n" + get(), 400),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
        ("GET HTTP/1.1\r\n\r\n", 400),
        ("GET / x HTTP/1.1\r\n\r\n", 400),
        ("GET /\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\n\r\n", 505),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/01.1\r\nHost: a\r\n\r\n", 400),
        (String(repeating: "M", count: 33) + " / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (get(target: "/\\a"), 400), (get(target: "/a#b"), 400), (get(target: "/\u{e9}"), 400),
        (get(target: "/\u{7f}"), 400), (get(target: "/\"a"), 400), (get(target: "/<a"), 400),
        (get(target: "/%zz"), 400), (get(target: "/%2"), 400), (get(target: "/%00"), 400),
        (get(target: "/%0d%0a"), 400), (get(target: "/%c0%af"), 400), (get(target: "/a%2fb"), 400),
        (get(target: "/..") , 400), (get(target: "/a/%2e%2e/b"), 400), (get(target: "/%5c"), 400),
        (get(target: "/?a=%"), 400), (get(target: "*"), 400),
        (get(target: "http://b/x"), 400), (get(target: "a"), 400),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        (get("Host: a\r\n"), 400),
        ("GET / HTTP/1.1\r\nHost: \r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a:\r\n\r\n", 400),
        (get("X : a\r\n"), 400), (get("X\r\n"), 400), (get(": a\r\n"), 400),
        (get("X: a\r\n b\r\n"), 400), (get("X\u{e9}: a\r\n"), 400), (get("X: a\u{0}b\r\n"), 400),
        (get("X: a\u{b}\r\n"), 400), (get("Content_Length: 1\r\n"), 400),
        (get("Transfer_Encoding: chunked\r\n"), 400),
        (get("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400),
        (get("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"), 400),
        (get("Content-Length: 1\r\nContent-Length: 2\r\n"), 400),
        (get("Content-Length: 1\r\nContent-Length: 1\r\n"), 400),
        (get("Content-Length: 5, 5\r\n"), 400), (get("Content-Length: +5\r\n"), 400),
        (get("Content-Length: -0\r\n"), 400), (get("Content-Length: 0x5\r\n"), 400),
        (get("Content-Length: \r\n"), 400), (get("Content-Length: 0005\r\n"), 400),
        (get("Content-Length: 9999999999999999999999\r\n"), 400),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (get("Transfer-Encoding: gzip\r\n"), 501), (get("Transfer-Encoding: identity\r\n"), 501),
        (get("Transfer-Encoding: gzip, chunked\r\n"), 501),
        (get("Transfer-Encoding: chunked, gzip\r\n"), 400),
        (get("Transfer-Encoding: chunked, chunked\r\n"), 400),
        (get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400),
        (get("Transfer-Encoding: \r\n"), 400), (get("Transfer-Encoding: ,chunked\r\n"), 400),
        (get("Transfer-Encoding: chunked;q=1\r\n"), 400),
        (get("Transfer-Encoding: \"chunked\"\r\n"), 400),
        (get("Transfer-Encoding: chun ked\r\n"), 400),
        (get("Content-Length: 0\r\n", method: "POST") + "junk\r\n\r\n", 400),
        ("\u{16}\u{3}\u{1}", 400),
    ]

    static let refusedChunks: [String] = [
        "\r\n", "0x5\r\n", "+5\r\n", "5_0\r\n", " 5\r\n", "5 \r\n", "5g\r\n",
        "11111111111111111\r\n", "ffffffffffffffff\r\n", "5;\r\n", "5;a=\"b\r\n", "5;(\r\n",
        "5;a\u{0}\r\n", "5\nhello", "5\r\nhelloX\r\n", "5\r\nhello\n", "5\r\nhello\r\r\n",
        "5\r\nhello!\r\n", "0\r\nbad\r\n\r\n", "0\r\n\n",
    ]

    @Test(arguments: valid)
    func `a valid message is accepted whole, byte by byte and at every split (H83)`(text: String) {
        let bytes = Array(text.utf8)
        let whole = transcript([bytes])
        #expect(whole.error == nil)
        #expect(!whole.events.isEmpty)
        #expect(transcript(bytes.map { [$0] }) == whole)
        for split in 0...bytes.count {
            #expect(transcript([Array(bytes[..<split]), Array(bytes[split...])]) == whole)
        }
    }

    @Test(arguments: refused)
    func `a refused message is refused alike at every split (H1-H64, H83)`(
        text: String, status: Int
    ) {
        let bytes = Array(text.utf8)
        let whole = transcript([bytes])
        #expect(whole.status == status, "\(text.debugDescription): \(whole)")
        #expect(transcript(bytes.map { [$0] }) == whole)
        for split in 0...bytes.count {
            #expect(transcript([Array(bytes[..<split]), Array(bytes[split...])]) == whole)
        }
    }

    @Test(arguments: refusedChunks)
    func `broken chunk framing is refused and never completes (H67-H75)`(body: String) {
        let text = get("Transfer-Encoding: chunked\r\n", method: "POST", body: body)
        let whole = transcript(text)
        #expect(whole.status == 400, "\(whole)")
        #expect(!whole.events.contains { $0.hasPrefix("end") })
        #expect(transcript(Array(text.utf8).map { [$0] }) == whole)
    }

    @Test func `pipelined requests come out in order (H80)`() {
        let all = transcript((0..<10).map { get(target: "/\($0)") }.joined())
        #expect(all.events.count == 20)
        #expect(all.error == nil)
    }

    @Test func `a malformed request after a valid one spares the first (H81)`() {
        let both = transcript(get(target: "/one") + "G@T / HTTP/1.1\r\n\r\n")
        #expect(both.events.count == 2)
        #expect(both.status == 400)
    }

    @Test func `nothing is parsed after an error (H79)`() throws {
        var parser = RequestParser()
        parser.append(Array("BAD\r\n".utf8))
        #expect(throws: ParseError.self) { try parser.next() }
        parser.append(Array(get().utf8))
        #expect(throws: ParseError.self) { try parser.next() }
        let kept = parser.bufferedCount
        #expect(kept == 0)
    }

    @Test func `line, field, section and count limits hold exactly (H15, H36)`() {
        #expect(transcript(get(target: "/" + String(repeating: "a", count: 7_899))).error == nil)
        let long = "/" + String(repeating: "a", count: 16 * 1024)
        #expect(transcript(get(target: long)).status == 414)
        // Also when the line end never comes: memory stays bounded.
        #expect(transcript("GET " + long).status == 414)
        let field = "X: " + String(repeating: "a", count: 8 * 1024 - 3)
        #expect(transcript(get(field + "\r\n")).error == nil)
        #expect(transcript(get(field + "a\r\n")).status == 431)
        #expect(transcript(get(field + "\r\n" + field + "\r\n")).status == 431)
        let many = (0..<99).map { "X\($0): a\r\n" }.joined()
        #expect(transcript(get(many)).error == nil)
        #expect(transcript(get(many + "Y: a\r\n")).status == 431)
    }

    @Test(arguments: ["Content-Length: 2000000\r\n", "Transfer-Encoding: chunked\r\n"])
    func `a route without a limit takes more than the limit of those that name none (H54)`(
        framing: String
    ) throws {
        var parser = RequestParser()
        parser.append(Array((get(framing, method: "PUT") + "1E8480\r\n").utf8))
        guard case .head = try parser.next() else { return #expect(Bool(false)) }
        try parser.limitBody(to: .max)
        var received = 0
        parser.append([UInt8](repeating: 0x61, count: 1_500_000))
        while case .body(let piece) = try parser.next() { received += piece.count }
        #expect(received >= 1_500_000)
    }

    @Test func `a declared length over the route's limit is refused before the body (H54)`() {
        let head = get("Content-Length: 11\r\n", method: "POST")
        #expect(transcript(head, bodyLimit: 10).status == 413)
        #expect(transcript(head + "0123456789A", bodyLimit: 11).error == nil)
    }

    @Test func `chunks are counted against the limit (H78)`() {
        let body = "5\r\nhello\r\n6\r\nhello!\r\n0\r\n\r\n"
        let text = get("Transfer-Encoding: chunked\r\n", method: "POST", body: body)
        #expect(transcript(text, bodyLimit: 10).status == 413)
        #expect(transcript(text, bodyLimit: 11).error == nil)
    }

    @Test func `a flood of one-byte chunks is refused for its overhead (H78)`() {
        let flood = String(repeating: "1\r\na\r\n", count: 100_000)
        let text = get("Transfer-Encoding: chunked\r\n", method: "POST", body: flood)
        #expect(transcript(text).status == 400)
        let small = String(repeating: "10\r\n0123456789abcdef\r\n", count: 10_000)
        let fine = get("Transfer-Encoding: chunked\r\n", method: "POST", body: small + "0\r\n\r\n")
        #expect(transcript(fine).error == nil)
    }

    @Test func `chunk extensions are limited per chunk and per body (H72)`() {
        let large = ";a=" + String(repeating: "b", count: 4_094)
        #expect(
            transcript(
                get("Transfer-Encoding: chunked\r\n", method: "POST", body: "1\(large)\r\n")
            ).status == 400)
        var limits = HTTPLimits.standard
        limits.chunkExtensionsMax = 10
        let many = String(repeating: "1;abc\r\nx\r\n", count: 3)
        #expect(
            transcript(
                get("Transfer-Encoding: chunked\r\n", method: "POST", body: many), limits: limits
            ).status == 400)
    }

    @Test func `trailers are bounded, and dropped (H76, H77)`() throws {
        let head = get("Transfer-Encoding: chunked\r\n", method: "POST")
        let line = "T: " + String(repeating: "a", count: 4_000) + "\r\n"
        #expect(transcript(head + "0\r\n" + line + line + line + "\r\n").status == 431)
        let dropped = transcript(head + "0\r\nAuthorization: x\r\n\r\n")
        #expect(dropped.error == nil)
        #expect(!dropped.description.contains("authorization"))
    }

    @Test func `obs-text passes through byte for byte (H34)`() throws {
        var parser = RequestParser()
        parser.append(Array("GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8) + [0x85, 0xff, 0xa0])
        parser.append(Array("\r\n\r\n".utf8))
        guard case .head(let head) = try parser.next() else { return }
        let value = try #require(head.headers["x"])
        #expect(value.unicodeScalars.map(\.value) == [0x85, 0xff, 0xa0])
        let bytes = try RequestWriter.head(
            .get, target: "/", host: "a", headers: ["x": value], bodyLength: 0)
        #expect(bytes.contains(0xff) && bytes.contains(0x85) && !bytes.contains(0xc2))
    }

    @Test func `a repeated singleton and an unknown expectation keep the framing (H38, H44)`()
        throws
    {
        let twice = try #require(
            try onlyHead(get("Content-Type: a/b\r\nContent-Type: c/d\r\n")))
        #expect(twice.rejection?.status == 400)
        let expectation = try #require(try onlyHead(get("Expect: cake\r\n")))
        #expect(expectation.rejection?.status == 417)
    }

    @Test func `only a 1.1 client with a body is told to continue (H41, H43)`() throws {
        let fields = "Expect: 100-continue\r\nContent-Length: 1\r\n"
        #expect(try onlyHead(get(fields, method: "POST"))?.asksToContinue == true)
        #expect(
            try onlyHead("POST / HTTP/1.0\r\nHost: a\r\n\(fields)\r\n")?.asksToContinue == false)
        #expect(try onlyHead(get("Expect: 100-continue\r\n"))?.asksToContinue == false)
    }

    @Test func `a connection is idle only between requests (H85)`() throws {
        var parser = RequestParser()
        var wasIdle = parser.isIdle
        #expect(wasIdle)
        parser.append(Array("G".utf8))
        let event = try parser.next()
        #expect(event == nil)
        wasIdle = parser.isIdle
        #expect(!wasIdle)
    }

    @Test func `a name is a token and becomes small letters, wherever each character is (H29)`() {
        let others = Set("!#$%&'*+-.^_`|~".utf8)
        for byte in UInt8.min...UInt8.max {
            let isLetter = (byte | 0x20) &- 0x61 < 26
            let isToken = isLetter || byte &- 0x30 < 10 || others.contains(byte)
            for position in [0, 3, 7, 8, 12] {
                var name = Array("Abcdefghijklm".utf8)
                name[position] = byte
                var field = Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8)
                field += name + Array(": Some Value\r\n\r\n".utf8)
                let whole = transcript([field])
                #expect(whole == transcript(field.map { [$0] }), "\(byte) at \(position)")
                // A colon ends a name before its end.
                guard isToken || byte != 0x3a || position == 0 else { continue }
                #expect((whole.error == nil) == isToken, "\(byte) at \(position)")
                guard isToken, byte != 0x5f else { continue }
                name[0] |= name[0] &- 0x41 < 26 ? 0x20 : 0
                name[position] |= isLetter ? 0x20 : 0
                let expected = String(decoding: name, as: UTF8.self) + "=Some Value"
                #expect(whole.description.contains(expected), "\(byte) at \(position)")
            }
        }
    }

    @Test func `a value holds no control character but a tab, wherever it is (H35)`() {
        for byte in UInt8.min...UInt8.max {
            for position in [0, 1, 6, 7, 8, 15, 16, 17, 24] {
                var value = Array("abcdefghijklmnopqrstuvwxyz".utf8)
                value[position] = byte
                let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8) + value
                let ended = bytes + Array("\r\n\r\n".utf8)
                let whole = transcript([ended])
                #expect(whole == transcript(ended.map { [$0] }), "\(byte) at \(position)")
                let isPlain = byte >= 0x20 && byte != 0x7f || byte == 0x09
                #expect((whole.error == nil) == isPlain, "\(byte) at \(position)")
            }
        }
    }

    @Test func `a method is known by its bytes alone`() throws {
        let known = [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "get",
            "GETS", "GE", "TPO", "CONNECTS", "LONGMETHOD",
        ]
        for name in known { #expect(try onlyHead(get(method: name))?.method == Method(name)) }
    }

    @Test func `without a body the next head follows the one before, and past a body too`() throws {
        var parser = RequestParser()
        let post = get("Content-Length: 5\r\n", target: "/b", method: "POST", body: "hello")
        parser.append(Array((get(target: "/a") + post + get(target: "/c")).utf8))
        var targets: [String] = []
        var wasIdle: [Bool] = []
        while let head = try parser.nextHead() {
            targets.append(head.target)
            wasIdle.append(parser.isIdle)
        }
        #expect(targets == ["/a", "/b", "/c"])
        #expect(wasIdle == [false, false, true])
    }

    @Test func `a head that somebody keeps is not filled again`() throws {
        var parser = RequestParser()
        parser.append(Array(get("X: 1\r\n", target: "/a?q=1").utf8))
        let first = try #require(try parser.nextHead())
        parser.append(Array(get("X: 2\r\n", target: "/b", method: "PUT").utf8))
        let second = try #require(try parser.nextHead())
        #expect(first.target == "/a?q=1" && first.headers["x"] == "1" && first.method == .get)
        #expect(second.target == "/b" && second.headers["x"] == "2" && second.method == .put)
    }
}
