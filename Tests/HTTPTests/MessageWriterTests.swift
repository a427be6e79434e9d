import Basics
import HTTP
import Testing

@Suite struct MessageWriterTests {
    private static let date = "Sun, 06 Nov 1994 08:49:37 GMT"

    private func head(
        _ response: Response, to method: Method = .get, version: HTTPVersion = .http11,
        keepsAlive: Bool = true
    ) throws(WriteError) -> (text: String, framing: ResponseFraming, keeps: Bool) {
        let head = try ResponseWriter.head(
            of: response, to: method, version: version, keepsAlive: keepsAlive, date: Self.date)
        return (String(decoding: head.bytes, as: UTF8.self), head.framing, head.keepsAlive)
    }

    @Test func `a body of known size is declared`() throws {
        let written = try head(.text(200, "hello"))
        #expect(
            written.text
                == "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\n"
                + "content-length: 5\r\ndate: \(Self.date)\r\n\r\n")
        #expect(written.framing == .length(5))
        #expect(written.keeps)
    }

    @Test func `a stream is chunked for 1.1 and ends with the connection for 1.0 (H95)`() throws {
        let stream = Response.stream(200, type: "text/event-stream") { _ in }
        let modern = try head(stream)
        #expect(modern.framing == .chunked)
        #expect(modern.text.contains("transfer-encoding: chunked\r\n"))
        let old = try head(stream, version: .http10)
        #expect(old.framing == .untilClose)
        #expect(!old.text.contains("transfer-encoding"))
        #expect(!old.keeps)
        #expect(old.text.contains("connection: close\r\n"))
    }

    @Test func `204 and 304 carry neither length nor body, HEAD only the head (H91, H92)`() throws {
        for status in [204, 304] {
            let written = try head(Response(status: status, body: .bytes([1])))
            #expect(written.framing == .none)
            #expect(!written.text.contains("content-length"))
        }
        let answer = try head(.text(200, "hello"), to: .head)
        #expect(answer.framing == .none)
        #expect(answer.text.contains("content-length: 5\r\n"))
        let proxied = try head(Response(status: 200, headers: ["content-length": "77"]), to: .head)
        #expect(proxied.text.contains("content-length: 77\r\n"))
    }

    @Test func `framing fields of a handler are ignored, its wish to close is not`() throws {
        let response = Response(
            status: 200,
            headers: ["Content-Length": "99", "Transfer-Encoding": "gzip", "Connection": "close"],
            body: .bytes([65]))
        let written = try head(response)
        #expect(written.text.contains("content-length: 1\r\n"))
        #expect(!written.text.contains("gzip"))
        #expect(!written.keeps)
    }

    @Test(arguments: ["a\r\nb: c", "a\nb", "a\u{0}", "\u{2603}"])
    func `a header that could end its line is refused (H94)`(value: String) {
        #expect(throws: WriteError.self) { try head(Response(status: 200, headers: ["x": value])) }
        #expect(throws: WriteError.self) { try head(Response(status: 200, headers: [value: "x"])) }
        #expect(throws: WriteError.self) {
            try RequestWriter.head(.get, target: "/", host: value, headers: [:], bodyLength: 0)
        }
    }

    /// The writer looks at eight characters at once, and at short texts one by one.
    @Test(arguments: [1, 2, 7, 8, 9, 15, 16, 17])
    func `a character of a value or name is judged alike at every place (H94)`(length: Int) {
        let tokens = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
        for place in 0..<length {
            for character in (UInt8.min...UInt8.max).map({ Unicode.Scalar($0) }) {
                var scalars = Array(repeating: Unicode.Scalar("a"), count: length)
                scalars[place] = character
                var text = String.UnicodeScalarView()
                text.append(contentsOf: scalars)
                let isValue = character == "\t" || character.value >= 0x20 && character != "\u{7f}"
                let isName = tokens.unicodeScalars.contains(character)
                #expect(writes(["x": String(text)]) == isValue, "\(character.value) at \(place)")
                #expect(writes([String(text): "x"]) == isName, "\(character.value) at \(place)")
            }
        }
    }

    private func writes(_ headers: Headers) -> Bool {
        do throws(WriteError) {
            _ = try head(Response(status: 200, headers: headers))
            return true
        } catch {
            return false
        }
    }

    @Test(arguments: ["", "x", "/a b", "/a\r\nX: y", "http://a/"])
    func `a target that is not origin-form is refused`(target: String) {
        #expect(throws: WriteError.self) {
            try RequestWriter.head(.get, target: target, host: "a", headers: [:], bodyLength: 0)
        }
    }

    @Test func `a written request is read back as it was`() throws {
        let bytes = try RequestWriter.head(
            .post, target: "/a?b=c", host: "h:1", headers: ["X-A": "1", "te": "x"], bodyLength: 0)
        let head = try #require(try onlyHead(String(decoding: bytes, as: UTF8.self)))
        #expect(head.target == "/a?b=c")
        #expect(head.headers["x-a"] == "1")
        #expect(head.headers["content-length"] == "0")
        #expect(!head.headers.contains("te"))
    }

    @Test func `chunks are never empty, except the last`() {
        #expect(ResponseWriter.chunk([]).isEmpty)
        #expect(ResponseWriter.chunk(Array(repeating: 65, count: 16)).starts(with: "10\r\n".utf8))
    }

    @Test func `dates are IMF-fixdate (H93)`() {
        #expect(HTTPDate.text(WallTime(microseconds: 784_111_777_000_000)) == Self.date)
        #expect(
            HTTPDate.text(WallTime(microseconds: 0)) == "Thu, 01 Jan 1970 00:00:00 GMT")
    }
}
