import HTTP
import Telemetry
import Testing

/// What handlers see of a request's fields, and what they never see.
@Suite(.timeLimit(.minutes(1)))
struct FieldTests {
    private func fields(_ running: Running, _ request: String) async throws -> [String] {
        let said = try await running.exchange(request)
        #expect(said.statuses == [200])
        let text = String(
            String.UnicodeScalarView((said.answers.last?.body ?? []).map { Unicode.Scalar($0) }))
        return text.split(separator: "\n").map(String.init)
    }

    @Test func `H34: obs-text reaches the handler byte for byte, and only SP and TAB are trimmed`()
        async throws
    {
        try await withServer { running in
            let value = "\u{a0}\u{85}a\u{80}\u{ff}\u{85}\u{a0}"
            let seen = try await fields(
                running, post("X: \t\(value) \t\r\nConnection: close\r\n", target: "/fields"))
            #expect(seen.contains("x=\(value)"))
        }
    }

    @Test func `H37: a name with an underscore is dropped and counted`() async throws {
        try await withServer { running in
            let seen = try await fields(
                running,
                post("x_mercato_customer: 1\r\nX-Y: 2\r\nConnection: close\r\n", target: "/fields"))
            #expect(!seen.contains { $0.contains("_") })
            #expect(seen.contains("x-y=2"))
            let counted = #"http_server_dropped_fields_total{server="api"} 1"#
            #expect(running.metrics.render().contains(counted))
        }
    }

    @Test func `H40: a field that Connection names is kept`() async throws {
        try await withServer { running in
            let seen = try await fields(
                running,
                post(
                    "Connection: close, authorization, host\r\nAuthorization: a\r\n",
                    target: "/fields"))
            #expect(seen.contains("authorization=a") && seen.contains("host=t"))
        }
    }

    @Test(arguments: [
        "Content-Length: 99", "Transfer-Encoding: gzip", "Host: evil", "Authorization: evil",
        "Content-Type: evil/evil", "X-Anything: evil",
    ])
    func `H76: trailers are dropped, never merged`(trailer: String) async throws {
        try await withServer { running in
            let seen = try await fields(
                running,
                post(
                    "Transfer-Encoding: chunked\r\nConnection: close\r\n",
                    body: "5\r\nhello\r\n0\r\n\(trailer)\r\n\r\n", target: "/fields"))
            #expect(!seen.contains { $0.contains("evil") || $0.contains("99") || $0.contains("gzip") })
            #expect(seen.contains("host=t"))
        }
    }

    @Test func `H21: TRACE echoes nothing, and tells what is allowed`() async throws {
        try await withServer { running in
            let said = try await running.exchange(
                message("TRACE", "/ok", "Authorization: secret\r\nConnection: close\r\n"))
            let answer = try #require(said.answers.last)
            #expect(answer.status == 405 && answer["allow"] == "GET, HEAD, OPTIONS")
            #expect(!answer.text.contains("secret"))
        }
    }

    @Test(arguments: [("OPTIONS", "*", 204), ("OPTIONS", "/ok", 204), ("DELETE", "/ok", 405)])
    func `H19, H25: Allow names the methods`(method: String, target: String, status: Int) async throws {
        try await withServer { running in
            let said = try await running.exchange(message(method, target, "Connection: close\r\n"))
            #expect(said.statuses == [status])
            let allow = try #require(said.answers.last?["allow"])
            #expect(allow.contains("GET") && allow.contains("HEAD") && allow.contains("OPTIONS"))
            #expect(target != "*" || allow.contains("POST"))
        }
    }

    @Test func `H18: an absolute-form target gives the handler its path alone`() async throws {
        try await withServer { running in
            let said = try await running.exchange(
                get("Connection: close\r\n", target: "http://t/a/../ok?x=y"))
            #expect(said.statuses == [200])
            #expect(running.handled.all == ["GET /ok"])
        }
    }
}
