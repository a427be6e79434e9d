import HTTP
import HTTPServer
import Testing

/// The cases with a body once more, for routes whose handler reads it while it comes: what is refused,
/// and how the connection goes on, must not depend on how a handler reads.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct StreamedBodyTests {
    static let cases = Case.all.filter { item in
        let text = String(decoding: item.bytes, as: UTF8.self)
        // H38 has a test of its own: with a stream the body is not read first.
        return item.id != "H38" && (text.contains(" /echo ") || text.contains(" /small "))
    }

    /// The same bytes for other routes.
    private func streamed(_ bytes: [UInt8]) -> [UInt8] {
        var text = String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
        text = text.replacing(" /echo ", with: " /flow ").replacing(" /small ", with: " /drip ")
        return latin1(text)
    }

    @Test(arguments: cases)
    func `a body that is streamed to its handler is framed, limited and refused alike`(_ item: Case)
        async throws
    {
        try await withServer { running in
            let kept = item.after == .kept
            let follower = kept
                ? get("Connection: close\r\n", target: "/next") : get(target: "/poison")
            let said = try await running.exchange(streamed(item.bytes) + latin1(follower))
            // The handler may begin to read before the body has been read from the socket.
            let statuses = item.id == "H41" ? said.statuses.filter { $0 != 100 } : said.statuses
            #expect(statuses == item.statuses + (kept ? [200] : []))
            #expect(said.surplus.isEmpty && !said.isReset)
            #expect(said.answers.last?["connection"] == "close")
            #expect(!running.handled.all.contains("GET /poison"))
            #expect(running.handled.all.count == item.statuses.count { $0 == 200 } + (kept ? 1 : 0))
        }
    }

    /// Invariant (a) for streams: one byte per write (H83).
    @Test(arguments: cases.enumerated().filter { $0.offset % 6 == 0 }.map(\.element))
    func `H83: a streamed body sent one byte at a time gives the same statuses`(_ item: Case) async throws {
        guard item.bytes.count < 2_000 else { return }
        try await withServer { running in
            let kept = item.after == .kept
            let follower = kept
                ? get("Connection: close\r\n", target: "/next") : get(target: "/poison")
            let wire = try await running.connect()
            try await wire.trickle(
                streamed(item.bytes) + (item.isLastByItself ? [] : latin1(follower)))
            let said = try await wire.rest()
            await wire.close()
            let statuses = item.id == "H41" ? said.statuses.filter { $0 != 100 } : said.statuses
            #expect(statuses == item.statuses + (kept ? [200] : []) && !said.isReset)
            #expect(!running.handled.all.contains("GET /poison"))
        }
    }

    @Test func `H38: a repeated singleton is refused before a stream is read, which then ends`() async throws {
        try await withServer { running in
            let said = try await running.exchange(
                post("Content-Type: a/b\r\nContent-Type: a/b\r\nContent-Length: 5\r\n", body: "hello",
                    target: "/flow") + get(target: "/poison"))
            #expect(said.statuses == [400] && !said.isReset)
            #expect(running.handled.all.isEmpty)
        }
    }

    @Test func `H41: the body is asked for when the handler begins to read`() async throws {
        try await withServer { running in
            let wire = try await running.connect()
            try await wire.send(post("Expect: 100-continue\r\nContent-Length: 5\r\n", target: "/flow"))
            #expect(try await wire.answer().status == 100)
            try await wire.send("hello")
            #expect(try await wire.answer().text == "hello")
            await wire.close()
        }
    }

    @Test(arguments: ["Content-Length: 10\r\n", "Transfer-Encoding: chunked\r\n"])
    func `H65, H75: a body that is cut is an error of the reader`(framing: String) async throws {
        try await withServer { running in
            let wire = try await running.connect()
            try await wire.send(post(framing, body: "5\r\nhel", target: "/flow"))
            await wire.finishSending()
            let said = try await wire.rest()
            #expect(said.statuses == [400] || said.statuses.isEmpty)
            #expect(running.handled.all.isEmpty)
            await wire.close()
        }
    }

    @Test(arguments: ["Content-Length: 10\r\n", "Transfer-Encoding: chunked\r\n"])
    func `H66: a body that stops is a 408`(framing: String) async throws {
        try await withServer(limits { $0.bodyGrace = .milliseconds(60) }) { running in
            let said = try await running.exchange(post(framing, body: "5\r\nhe", target: "/flow"))
            #expect(said.statuses == [408] && !said.isReset)
            #expect(running.handled.all.isEmpty)
        }
    }

    @Test(arguments: [5, 5_000_000])
    func `H63: a body that its handler does not read is no next request`(length: Int) async throws {
        try await withServer(routes: { router, handled in
            router.on(.post, "/deaf", body: .streamed(limit: 1 << 30)) { request in
                handled.note(request)
                return .text(200, "unread")
            }
        }) { running in
            let wire = try await running.connect()
            let hidden = get(target: "/poison")
            try await wire.send(post("Content-Length: \(length)\r\n", target: "/deaf"))
            try await wire.send(String((hidden + times("x", 5)).prefix(min(length, 40))))
            let answer = try await wire.answer()
            #expect(answer.status == 200 && answer.text == "unread")
            if answer["connection"] != "close" {
                try await wire.send(get("Connection: close\r\n"))
            }
            let rest = try await wire.rest()
            #expect(rest.statuses == (answer["connection"] == "close" ? [] : [200]))
            #expect(!running.handled.all.contains("GET /poison"))
            await wire.close()
        }
    }
}
