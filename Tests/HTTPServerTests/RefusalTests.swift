import Basics
import HTTP
import HTTPServer
import Sockets
import Telemetry
import Testing

@Suite(.timeLimit(.minutes(1)))
struct RefusalTests {
    /// Sends text and gives everything that comes back until the server ends.
    private func exchange(_ running: Running, _ text: String) async throws -> String? {
        let client = try await running.client()
        try await client.send(text)
        let rest = try await client.rest()
        await client.close()
        return rest
    }

    @Test func `bytes that are no request get one 400 and the end (H79, H81)`() async throws {
        try await withServer(limits: quickLimits()) { running in
            let text = try #require(
                try await exchange(
                    running,
                    "GET /hello HTTP/1.1\r\nHost: t\r\n\r\nGET /hello HTTP/1.1\r\nHost : t\r\n\r\n"
                        + "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n"))
            #expect(text.split(separator: "HTTP/1.1 ").count == 2)
            #expect(text.hasPrefix("HTTP/1.1 200 OK"))
            #expect(text.contains("HTTP/1.1 400 Bad Request"))
            #expect(text.contains("application/problem+json"))
            #expect(text.contains("\"code\":\"malformed_request\""))
            #expect(text.contains("connection: close"))
            // The id that the problem names, also where other answers have it.
            let id = try #require(text.split(separator: "urn:uuid:").last?.prefix(36))
            #expect(text.contains("x-request-id: \(id)\r\n"))
            #expect(running.metrics.render().contains("http_server_refusals_total{"))
        }
    }

    @Test func `garbage ends in a refusal or the end, never in more (H99)`() async throws {
        try await withServer(limits: quickLimits()) { running in
            var random = SystemRandomNumberGenerator()
            for length in [1, 10, 1_000, 40_000] {
                let client = try await running.client()
                let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
                do {
                    try await client.connection.write(bytes)
                    await client.connection.finishWriting()
                    let text = try await client.rest()
                    #expect(text.map { $0.isEmpty || $0.hasPrefix("HTTP/1.1 4") } ?? true
                        || text?.hasPrefix("HTTP/1.1 5") == true)
                } catch {
                    // A server that refused early may cut a sender that goes on.
                    #expect((error as? SocketError)?.code == .connectionReset)
                }
                await client.close()
            }
        }
    }

    @Test func `a declared length over the route's limit is refused unread (H54, H42)`()
        async throws
    {
        try await withServer(limits: quickLimits()) { running in
            let text = try #require(
                try await exchange(
                    running,
                    "POST /small HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n"
                        + "Content-Length: 11\r\n\r\n"))
            #expect(text.hasPrefix("HTTP/1.1 413 "))
            #expect(text.contains("body_too_large"))
        }
    }

    @Test func `chunks over the limit are refused, and the client can read it (H78, H87)`()
        async throws
    {
        try await withServer(limits: quickLimits()) { running in
            let chunk = "8\r\n12345678\r\n"
            let text = try #require(
                try await exchange(
                    running,
                    "POST /small HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + String(repeating: chunk, count: 1_000)))
            #expect(text.hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test func `an unknown expectation is refused without waiting for the body (H44)`()
        async throws
    {
        try await withServer(limits: quickLimits()) { running in
            let text = try #require(
                try await exchange(
                    running,
                    "POST /echo HTTP/1.1\r\nHost: t\r\nExpect: magic\r\nContent-Length: 3\r\n\r\n"
                ))
            #expect(text.hasPrefix("HTTP/1.1 417 "))
        }
    }

    @Test func `a slow head is a 408 (H84)`() async throws {
        try await withServer(limits: quickLimits { $0.headTimeout = .milliseconds(30) }) {
            running in
            let slow = try #require(try await exchange(running, "GET /hello HTTP/1.1\r\nHo"))
            #expect(slow.hasPrefix("HTTP/1.1 408 "))
            #expect(slow.contains("request_timeout"))
        }
    }

    @Test func `an idle connection just ends (H85)`() async throws {
        try await withServer(limits: quickLimits { $0.idleTimeout = .milliseconds(30) }) {
            running in
            let idle = try await exchange(running, "")
            #expect(idle == "")
        }
    }

    @Test func `a body that stalls is a 408 and no handler sees it (H66)`() async throws {
        let events = Events()
        try await withServer(
            limits: quickLimits { $0.bodyGrace = .milliseconds(30) },
            routes: { router in
                router.on(.post, "/seen") { _ in
                    events.add("seen")
                    return .empty()
                }
            }
        ) { running in
            let text = try #require(
                try await exchange(
                    running, "POST /seen HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhalf"))
            #expect(text.hasPrefix("HTTP/1.1 408 "))
            #expect(events.all.isEmpty)
        }
    }

    @Test func `a body that ends early reaches no handler (H65, H75)`() async throws {
        let events = Events()
        try await withServer(
            limits: quickLimits { $0.halfCloseGrace = .seconds(5) },
            routes: { router in
                router.on(.post, "/seen") { _ in
                    events.add("seen")
                    return .empty()
                }
            }
        ) { running in
            for framing in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
                let client = try await running.client()
                try await client.send("POST /seen HTTP/1.1\r\nHost: t\r\n\(framing)\r\n\r\n4\r\nha")
                await client.connection.finishWriting()
                let text = try #require(try await client.rest())
                #expect(text.hasPrefix("HTTP/1.1 400 "))
                await client.close()
            }
            #expect(events.all.isEmpty)
        }
    }

    @Test func `bodies together over the server's budget are refused with 503`() async throws {
        try await withServer(limits: quickLimits { $0.bodyBytesMax = 1_000 }) { running in
            let holder = try await running.client()
            try await holder.send(
                "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 900\r\n\r\n"
                    + String(repeating: "x", count: 800))
            let text = try #require(
                try await exchange(
                    running,
                    "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 900\r\n\r\n"
                        + String(repeating: "x", count: 900)))
            #expect(text.hasPrefix("HTTP/1.1 503 "))
            #expect(text.contains("overloaded"))
            // What was held came back: the first one finishes, and then another fits.
            try await holder.send(String(repeating: "x", count: 100))
            let answer = try await holder.answer()
            #expect(answer.status == 200)
            try await holder.send(
                "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\n"
                    + String(repeating: "x", count: 1_000))
            let full = try await holder.answer()
            #expect(full.status == 200)
            await holder.close()
        }
    }
}
