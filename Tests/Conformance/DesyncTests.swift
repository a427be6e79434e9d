import Testing

/// Requests by what they could do to a chain of proxies and servers: *severe* ones have framing that two
/// readers understand differently, *ambiguous* ones could be read in two ways by somebody, *compliant* ones
/// are unusual and fine.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct DesyncTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let what: String
        let request: String
        var testDescription: String { what }

        init(_ what: String, _ request: String) {
            self.what = what
            self.request = request
        }
    }

    private static let chunks = "5\r\nhello\r\n0\r\n\r\n"
    private static let te = "Transfer-Encoding: chunked\r\n"

    static let severe: [Row] = [
        Row("both framings", post("Content-Length: 15\r\n\(te)", body: chunks)),
        Row("both, the length hidden in the middle", post("\(te)A: b\r\nContent-Length: 4\r\nC: d\r\n", body: chunks)),
        Row("both, the coding unknown", post("Transfer-Encoding: zipped\r\nContent-Length: 5\r\n", body: "hello")),
        Row("both, SP before the coding's colon", post("Content-Length: 5\r\nTransfer-Encoding : chunked\r\n", body: chunks)),
        Row("both, the coding folded", post("Content-Length: 5\r\nTransfer-Encoding:\r\n\tchunked\r\n", body: chunks)),
        Row("both in 1.0", "POST /echo HTTP/1.0\r\nContent-Length: 15\r\n\(te)\r\n\(chunks)"),
        Row("lengths that differ", post("Content-Length: 5\r\nContent-Length: 15\r\n", body: chunks)),
        Row("lengths in a list", post("Content-Length: 5, 15\r\n", body: chunks)),
        Row("a length with a sign", post("Content-Length: +5\r\n", body: "hello")),
        Row("a length in hex", post("Content-Length: 0x5\r\n", body: "hello")),
        Row("a length with a letter", post("Content-Length: 5a\r\n", body: "hello")),
        Row("a length that wraps", post("Content-Length: 4294967301\r\n", target: "/small")),
        Row("a length with NUL", post("Content-Length: 5\u{0}\r\n", body: "hello")),
        Row("a length with VT", post("Content-Length:\u{b}5\r\n", body: "hello")),
        Row("a negative length", post("Content-Length: -1\r\n")),
        Row("chunked twice", post("\(te)\(te)", body: chunks)),
        Row("chunked not last", post("Transfer-Encoding: chunked, identity\r\n", body: chunks)),
        Row("chunked in quotes", post("Transfer-Encoding: \"chunked\"\r\n", body: chunks)),
        Row("chunked with NUL", post("Transfer-Encoding: chunked\u{0}\r\n", body: chunks)),
        Row("chunked with NEL before", post("Transfer-Encoding: \u{85}chunked\r\n", body: chunks)),
        Row("a field behind LF", post("A: b\nContent-Length: 5\r\n", body: "hello")),
        Row("a field behind CR", post("A: b\rContent-Length: 5\r\n", body: "hello")),
        Row("a head that ends in LF LF", "POST /echo HTTP/1.1\r\nHost: t\n\nGET /poison HTTP/1.1\r\nHost: t\r\n\r\n"),
        Row("a chunk size with a sign", post(te, body: "+5\r\nhello\r\n0\r\n\r\n")),
        Row("a chunk size with blanks", post(te, body: "5 \r\nhello\r\n0\r\n\r\n")),
        Row("a chunk size behind LF", post(te, body: "5\nhello\n0\n\n")),
        Row("a chunk's end that is none", post(te, body: "5\r\nhelloXX0\r\n\r\n")),
        Row("an extension with LF", post(te, body: "5;a\nGET /poison HTTP/1.1\r\nhello\r\n0\r\n\r\n")),
    ]

    static let ambiguous: [Row] = [
        Row("equal lengths", post("Content-Length: 5\r\nContent-Length: 5\r\n", body: "hello")),
        Row("equal lengths in a list", post("Content-Length: 5,5\r\n", body: "hello")),
        Row("a length with zeros", post("Content-Length: 05\r\n", body: "hello")),
        Row("two Hosts", get("Host: t\r\n")),
        Row("two Hosts that differ", get("Host: u\r\n")),
        Row("Host and another target", get(target: "http://u/ok")),
        Row("Host with userinfo", "GET /ok HTTP/1.1\r\nHost: t@u\r\n\r\n"),
        Row("Host as a list", "GET /ok HTTP/1.1\r\nHost: t,u\r\n\r\n"),
        Row("no Host", "GET /ok HTTP/1.1\r\n\r\n"),
        Row("SP before a colon", get("A : b\r\n")),
        Row("a folded field", get("A: b\r\n c\r\n")),
        Row("a name with a control", get("A\u{1}: b\r\n")),
        Row("a name in brackets", get("(A): b\r\n")),
        Row("a line without colon", get("A\r\n")),
        Row("a value with NUL", get("A: \u{0}\r\n")),
        Row("a target with a control", get(target: "/ok\u{8}")),
        Row("a target with a fragment", get(target: "/ok#x")),
        Row("a target with a backslash", get(target: "/a\\..\\ok")),
        Row("a target beyond ASCII", get(target: "/\u{fc}")),
        Row("a target above the root", get(target: "/../../etc")),
        Row("a target with an encoded NUL", get(target: "/ok%00")),
        Row("a request line with TAB", "GET\t/ok HTTP/1.1\r\nHost: t\r\n\r\n"),
        Row("a version of its own", "GET /ok HTTP/1.1.1\r\nHost: t\r\n\r\n"),
        Row("HTTP/0.9", "GET /ok\r\n"),
        Row("an underscore for the dash", post("Content_Length: 5\r\n", body: "hello")),
        Row("a coding in 1.0", "POST /echo HTTP/1.0\r\n\(te)\r\n\(chunks)"),
    ]

    static let compliant: [Row] = [
        Row("no blank before a value", get("A:b\r\n")),
        Row("blanks around a value", get("A: \t b \t\r\n")),
        Row("an empty value", get("A:\r\n")),
        Row("every token character in a name", get("!#$%&'*+-.^`|~09azAZ: b\r\n")),
        Row("obs-text in a value", get("A: \u{e9}\r\n")),
        Row("repeated fields", get("A: b\r\nA: c\r\nAccept: x\r\naccept: y\r\n")),
        Row("a body with GET", message("GET", "/ok", "Content-Length: 5\r\n", body: "hello")),
        Row("chunks with GET", message("GET", "/ok", te, body: chunks)),
        Row("length 0 with GET", get("Content-Length: 0\r\n")),
        Row("names in capitals", post("CONTENT-LENGTH: 5\r\n", body: "hello")),
        Row("chunked in capitals", post("Transfer-Encoding: CHUNKED\r\n", body: chunks)),
        Row("an extension and trailers", post(te, body: "5;a=\"b;c\"\r\nhello\r\n0\r\nT: u\r\n\r\n")),
        Row("a query with everything", get(target: "/ok?a=b&c[]=d%5B&e=f/g?h:i@j;k,l!m$n'o(p)*q+r~s")),
        Row("an encoded path", get(target: "/%6f%6B")),
        Row("a body that is a request", post("Content-Length: 18\r\n", body: "GET / HTTP/1.1\r\n\r\n")),
        Row("a port", "GET /ok HTTP/1.1\r\nHost: t:80\r\n\r\n"),
    ]

    @Test(arguments: severe + ambiguous)
    func `what could be read in two ways is refused, once, and the connection ends`(_ row: Row) async throws {
        try await withServer { running in
            let said = try await running.exchange(row.request + get(target: "/poison"))
            #expect(said.answers.count == 1 && !said.isReset && said.surplus.isEmpty)
            // 413 for a length that is beyond the route whatever it means; 501 for an unknown coding.
            #expect([400, 413, 501].contains(said.statuses.first))
            #expect(running.handled.all.isEmpty)
        }
    }

    @Test(arguments: compliant)
    func `what is unusual and fine is served, and so is what follows`(_ row: Row) async throws {
        try await withServer { running in
            let said = try await running.exchange(
                row.request + get("Connection: close\r\n", target: "/next"))
            #expect(said.statuses == [200, 200])
            #expect(running.handled.all.last == "GET /next")
        }
    }
}
