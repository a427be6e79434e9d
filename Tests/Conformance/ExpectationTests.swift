import HTTP
import HTTPServer
import Testing

/// `100 Continue` is a promise to read: it comes when a body is wanted, and never otherwise
/// (RFC 9110 §10.1.1). The bodies here are sent after the head, as such a client does.
@Suite(.timeLimit(.minutes(1)))
struct ExpectationTests {
    private static let expects = "Expect: 100-continue\r\n"

    @Test(arguments: ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"])
    func `H41: a wanted body is asked for, and the connection goes on`(framing: String) async throws {
        try await withServer { running in
            let wire = try await running.connect()
            try await wire.send(post(Self.expects + framing))
            let interim = try await wire.answer()
            #expect(interim.status == 100 && interim.fields.isEmpty)
            try await wire.send(framing.hasPrefix("C") ? "hello" : "5\r\nhello\r\n0\r\n\r\n")
            let answer = try await wire.answer()
            #expect(answer.status == 200 && answer.text == "hello")
            try await wire.send(get("Connection: close\r\n", target: "/next"))
            let rest = try await wire.rest()
            #expect(rest.statuses == [200])
            await wire.close()
        }
    }

    /// Requests whose answer does not depend on the body.
    static let unwanted: [(String, Int)] = [
        (post("\(expects)Content-Length: 11\r\n", target: "/small"), 413),
        (post("\(expects)Content-Length: 5\r\n", target: "/nowhere"), 404),
        (post("\(expects)Content-Length: 5\r\n", target: "/ok"), 405),
        (message("BREW", "/echo", "\(expects)Content-Length: 5\r\n"), 501),
        (post("\(expects)Content-Length: 5, 5\r\n"), 400),
        (post("\(expects)Transfer-Encoding: gzip\r\n"), 501),
        (post("\(expects)Content-Length: 5\r\nContent-Type: a/b\r\nContent-Type: a/b\r\n"), 400),
        ("POST /echo HTTP/1.1\r\n\(expects)Content-Length: 5\r\n\r\n", 400),
        (post("Expect: 100-continue, cake\r\nContent-Length: 5\r\n"), 417),
    ]

    @Test(arguments: unwanted)
    func `H42: a request that is refused gets its status and no 100`(
        request: String, status: Int
    ) async throws {
        try await withServer { running in
            let said = try await running.exchange(request)
            #expect(said.statuses == [status] && !said.isReset)
            #expect(said.answers.last?["connection"] == "close")
            #expect(running.handled.all.isEmpty)
        }
    }

    @Test func `H43: a client of HTTP 1.0 never gets an interim response`() async throws {
        try await withServer { running in
            let wire = try await running.connect()
            try await wire.send("POST /echo HTTP/1.0\r\n\(Self.expects)Content-Length: 5\r\n\r\n")
            // The loop has read that head before it answers a request that came later.
            #expect(try await running.exchange(get("Connection: close\r\n")).statuses == [200])
            try await wire.send("hello")
            let said = try await wire.rest()
            #expect(said.statuses == [200])
            #expect(said.answers.last?.text == "hello")
            await wire.close()
        }
    }

    @Test func `H44: an unknown expectation is refused without the body`() async throws {
        try await withServer { running in
            let said = try await running.exchange(post("Expect: cake\r\nContent-Length: 5\r\n"))
            #expect(said.statuses == [417])
        }
    }
}
