import HTTP
import HTTPServer
import Testing

/// What the server writes, whatever a handler gives it.
@Suite(.timeLimit(.minutes(1)))
struct ResponseTests {
    private struct Broken: Error {}

    /// The answer to one request on a connection that is then closed by it.
    private func answer(
        _ running: Running, _ method: String, _ target: String, version: String = "HTTP/1.1"
    ) async throws -> Answer {
        let request = message(method, target, "Connection: close\r\n", version: version)
        let said = try await running.exchange(latin1(request), isHead: method == "HEAD")
        #expect(said.surplus.isEmpty && !said.isReset && said.answers.count == 1)
        return try #require(said.answers.last)
    }

    @Test(arguments: ["/ok", "/nowhere", "/stream", "/empty"])
    func `H91: HEAD has the fields of GET and no body`(target: String) async throws {
        try await withServer(routes: { router, _ in
            router.on(.get, "/stream") { _ in
                .stream(200, type: "a/b") { try await $0.write(Array("streamed".utf8)) }
            }
            router.on(.get, "/empty") { _ in .empty(204) }
        }) { running in
            let get = try await answer(running, "GET", target)
            let head = try await answer(running, "HEAD", target)
            #expect(head.status == get.status && head.body.isEmpty)
            let names = get.fields.map(\.name)
            #expect(head.fields.map(\.name) == names)
            for name in names where name != "date" { #expect(head[name] == get[name]) }
            if target == "/ok" { #expect(head["content-length"] == "2") }
        }
    }

    @Test func `H91: HEAD leaves the connection where it was`() async throws {
        try await withServer { running in
            let wire = try await running.connect()
            for target in ["/ok", "/nowhere", "/ok"] {
                try await wire.send(message("HEAD", target))
                #expect(try await wire.answer(isHead: true)["content-length"] != nil)
            }
            try await wire.send(get())
            #expect(try await wire.answer().text == "ok")
            await wire.close()
        }
    }

    @Test func `H91: the refusal of a HEAD has no body`() async throws {
        try await withServer { running in
            let said = try await running.exchange(
                latin1(message("HEAD", "/ok", "Content-Length: 2000000\r\n")), isHead: true)
            #expect(said.statuses == [413] && said.surplus.isEmpty)
        }
    }

    @Test(arguments: [204, 205, 304])
    func `H92: a status without content has none, whatever the handler gives`(status: Int) async throws {
        try await withServer(routes: { router, _ in
            router.on(.get, "/bytes") { _ in .text(status, "content") }
            router.on(.get, "/stream") { _ in
                .stream(status, type: "a/b") { try await $0.write(Array("content".utf8)) }
            }
        }) { running in
            for target in ["/bytes", "/stream"] {
                let wire = try await running.connect()
                try await wire.send(get(target: target) + get("Connection: close\r\n"))
                let said = try await wire.rest()
                await wire.close()
                #expect(said.statuses == [status, 200] && said.surplus.isEmpty)
                let first = try #require(said.answers.first)
                #expect(first.body.isEmpty && first["transfer-encoding"] == nil)
                if status == 204 { #expect(first["content-length"] == nil) }
                if status == 205 { #expect(first["content-length"] == "0") }
                #expect(said.answers.last?.text == "ok")
            }
        }
    }

    @Test(arguments: [100, 101, 103, 199, 0, 1_000])
    func `H45, H92: a handler cannot send an interim response`(status: Int) async throws {
        try await withServer(routes: { router, _ in
            router.on(.get, "/interim") { _ in .text(status, "x") }
        }) { running in
            let answer = try await answer(running, "GET", "/interim")
            #expect(answer.status == 500)
        }
    }

    @Test func `H93: every answer has one Date, as an IMF-fixdate`() async throws {
        try await withServer(routes: { router, _ in
            router.on(.get, "/moved") { _ in .empty(302, headers: ["location": "/ok", "date": "never"]) }
        }) { running in
            let fixdate =
                /(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3][0-9] (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) 20[0-9]{2} [0-2][0-9]:[0-5][0-9]:[0-6][0-9] GMT/
            for (target, status) in [("/ok", 200), ("/moved", 302), ("/nowhere", 404), ("/a b", 400)] {
                let answer = try await answer(running, "GET", target)
                #expect(answer.status == status)
                #expect(answer.values("date").count == 1)
                #expect(answer["date"]?.wholeMatch(of: fixdate) != nil)
            }
        }
    }

    @Test(arguments: ["a\r\nx-evil: 1", "a\nb", "a\rb", "a\u{0}b", "a\u{7f}", "a\u{1f600}"])
    func `H94: a value that would end its line is a 500, and never on the wire`(value: String)
        async throws
    {
        try await withServer(routes: { router, _ in
            router.on(.get, "/value") { _ in .text(200, "x", headers: ["x-value": value]) }
            router.on(.get, "/name") { _ in .text(200, "x", headers: [value: "x"]) }
        }) { running in
            for target in ["/value", "/name"] {
                let answer = try await answer(running, "GET", target)
                #expect(answer.status == 500)
                #expect(answer["x-evil"] == nil && answer["x-value"] == nil)
            }
        }
    }

    @Test func `H94: framing is the server's, whatever the handler says`() async throws {
        try await withServer(routes: { router, _ in
            router.on(.get, "/lies") { _ in
                .text(
                    200, "four",
                    headers: [
                        "content-length": "400", "transfer-encoding": "chunked", "trailer": "x",
                        "upgrade": "h2c", "keep-alive": "timeout=5",
                    ])
            }
        }) { running in
            let answer = try await answer(running, "GET", "/lies")
            #expect(answer.text == "four" && answer.values("content-length") == ["4"])
            for name in ["transfer-encoding", "trailer", "upgrade", "keep-alive"] {
                #expect(answer[name] == nil)
            }
        }
    }

    @Test(arguments: ["HTTP/1.0", "HTTP/1.1"])
    func `H95: a stream is chunked for 1.1 and ends with the connection for 1.0`(version: String)
        async throws
    {
        try await withServer(routes: { router, _ in
            router.on(.get, "/stream") { _ in
                .stream(200, type: "a/b") { writer in
                    for piece in ["one ", "", "two ", "three"] { try await writer.write(Array(piece.utf8)) }
                }
            }
        }) { running in
            let answer = try await answer(running, "GET", "/stream", version: version)
            #expect(answer.text == "one two three")
            #expect(answer["transfer-encoding"] == (version == "HTTP/1.1" ? "chunked" : nil))
            #expect(answer["content-length"] == nil && answer["connection"] == "close")
        }
    }

    @Test func `H96: a handler that fails before its answer is a 500, and the connection goes on`()
        async throws
    {
        try await withServer(routes: { router, _ in
            router.on(.get, "/broken") { _ in throw Broken() }
        }) { running in
            let wire = try await running.connect()
            try await wire.send(get(target: "/broken") + get("Connection: close\r\n"))
            let said = try await wire.rest()
            #expect(said.statuses == [500, 200])
            #expect(said.answers.first?["content-type"] == "application/problem+json")
            #expect(said.answers.first?.text.contains("Broken") == false)
            await wire.close()
        }
    }

    @Test(arguments: ["HTTP/1.0", "HTTP/1.1"])
    func `H96: a stream that fails is cut so that the client can tell`(version: String) async throws {
        try await withServer(routes: { router, _ in
            router.on(.get, "/cut") { _ in
                .stream(200, type: "a/b") { writer in
                    try await writer.write(Array("half".utf8))
                    throw Broken()
                }
            }
        }) { running in
            let said = try await running.exchange(
                message("GET", "/cut", version: version) + get(target: "/poison"))
            // No last chunk for 1.1; for 1.0, where the end is the end of the body, a reset.
            #expect(version == "HTTP/1.1" ? said.answers.isEmpty : said.isReset)
            #expect(!String(decoding: said.surplus, as: UTF8.self).contains("\r\n0\r\n"))
            #expect(!running.handled.all.contains("GET /poison"))
        }
    }

    @Test(arguments: ["HTTP/1.0", "HTTP/1.1"])
    func `H91, H95: a stream that declares its length has it on the wire, for HEAD and for 1.0 too`(
        version: String
    ) async throws {
        try await withServer(routes: { router, _ in
            router.on(.get, "/length") { _ in
                .stream(200, type: "a/b", length: 7) { writer in
                    for piece in ["one", "", "four"] { try await writer.write(Array(piece.utf8)) }
                }
            }
        }) { running in
            let answer = try await answer(running, "GET", "/length", version: version)
            #expect(answer.text == "onefour" && answer["content-length"] == "7")
            #expect(answer["transfer-encoding"] == nil)
            let head = try await self.answer(running, "HEAD", "/length", version: version)
            #expect(head["content-length"] == "7" && head.body.isEmpty)
        }
    }

    @Test(arguments: [("short", "three"), ("long", "three and more")])
    func `H96: a stream of another length than it declared is cut, and never longer`(
        _ what: String, content: String
    ) async throws {
        try await withServer(routes: { router, _ in
            router.on(.get, "/length") { _ in
                .stream(200, type: "a/b", length: 7) { try await $0.write(Array(content.utf8)) }
            }
        }) { running in
            let said = try await running.exchange(get(target: "/length") + get(target: "/poison"))
            #expect(said.statuses.isEmpty)
            let text = String(decoding: said.surplus, as: UTF8.self)
            let body = text.split(separator: "\r\n\r\n", omittingEmptySubsequences: false).dropFirst()
            #expect((body.first?.utf8.count ?? 0) <= 7)
            #expect(!running.handled.all.contains("GET /poison"))
        }
    }
}
