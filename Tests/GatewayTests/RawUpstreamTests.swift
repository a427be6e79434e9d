import Basics
import HTTP
import HTTPServer
import ServiceKit
import Sockets
import Synchronization
import Telemetry
import Testing

@testable import GatewayService

/// U1 to U6 through the whole gateway: a raw client in front of it, a service played byte by byte
/// behind it.
@Suite(.timeLimit(.minutes(1)))
struct RawUpstreamTests {
    private static let ok =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

    /// Plays the inventory and the order service by `upstream`, and gives `body` a connection to the
    /// gateway's public port.
    private func withGateway(
        _ upstream: @escaping @Sendable (TCPListener) async throws -> Void,
        _ body: (Downstream) async throws -> Void
    ) async throws {
        let loop = try EventLoop(name: "upstream")
        loop.start()
        defer {
            loop.stop()
            loop.join()
        }
        let listener = try TCPListener(host: "127.0.0.1", port: 0, loop: loop)
        let playing = Task(executorPreference: loop) { try await upstream(listener) }
        // A service that waits for what does not come fails the test instead of holding it.
        let watchdog = loop.schedule(after: .seconds(30)) { playing.cancel() }
        let url = "http://127.0.0.1:\(listener.port)"
        let environment = [
            "MERCATO_DEMO_IDENTITY": "on", "MERCATO_URL_INVENTORY": url, "MERCATO_URL_ORDER": url,
        ]
        try await GatewayFixture.run(environment: environment) { gateway in
            let loop = gateway.context.loop
            let server = Server(
                configuration: ServerConfiguration(port: 0, limits: ServerLimits()),
                router: gateway.composition.api, loop: loop, logger: gateway.context.logger,
                metrics: MetricsRegistry())
            let port = try await server.start()
            let serving = Task(executorPreference: loop) { try await server.run() }
            let client = try await TCPConnection.connect(
                host: "127.0.0.1", port: port, timeout: .seconds(5), on: loop)
            let outcome: Result<Void, any Error>
            do {
                outcome = .success(try await body(Downstream(connection: client)))
            } catch {
                outcome = .failure(error)
            }
            // What is left of it waits for the gateway's unused connection to be closed.
            playing.cancel()
            await client.close()
            let played = await playing.result
            serving.cancel()
            try await serving.value
            try outcome.get()
            try played.get()
        }
        loop.cancel(watchdog)
        await listener.close()
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
        "HTTP/1.1 2OO OK\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
        "HTTP/1.1 200 OK\r\nX: " + String(repeating: "a", count: 9_000) + "\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
    ])
    func `U1: an answer that cannot be believed is a 502, its connection is dropped, the client's is kept`(
        answer: String
    ) async throws {
        try await withGateway { listener in
            let first = try await listener.accept()
            try await first.serve(answer)
            await first.untilEnd()
            let second = try await listener.accept()
            try await second.serve(Self.ok)
            await second.untilEnd()
        } _: { client in
            let refused = try await client.get("/v1/products")
            #expect(refused.status == 502)
            #expect(refused.body.contains("bad_upstream_response"))
            let next = try await client.get("/v1/products")
            #expect(next.status == 200)
            #expect(next.body == "{}")
        }
    }

    @Test(arguments: ["", "HTTP/1.1 200 OK\r\nConte", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
    func `U2: an end before the first byte for the client is a 502, and nothing of the answer is shown`(
        answer: String
    ) async throws {
        try await withGateway { listener in
            let first = try await listener.accept()
            try await first.serve(answer)
            await first.close()
        } _: { client in
            let refused = try await client.get("/v1/products")
            #expect(refused.status == 502)
            #expect(refused.body.contains("bad_upstream_response"))
            #expect(!refused.body.contains("half"))
        }
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 1000000\r\n\r\ndata: 1\n\n",
    ])
    func `U2: an end after the first byte cuts the client, which cannot take it for the answer's end`(
        answer: String
    ) async throws {
        let isShown = AsyncSignal()
        try await withGateway { listener in
            let first = try await listener.accept()
            try await first.serve(answer)
            try await isShown.wait()
            await first.close()
        } _: { client in
            try await client.ask("GET", "/v1/orders/018f2c6e-0000-7000-8000-000000000001/events")
            let head = try await client.connection.readHead().lowercased()
            #expect(head.hasPrefix("http/1.1 200"))
            var seen = ""
            while !seen.contains("data: 1") {
                let some = try await client.connection.read(deadline: .after(.seconds(20)))
                try #require(!some.isEmpty)
                seen += String(decoding: some, as: UTF8.self)
            }
            isShown.raise()
            seen += await client.rest()
            // Neither the last chunk nor the declared length.
            #expect(!seen.contains("0\r\n\r\n"))
            #expect(seen.utf8.count < 1_000)
        }
    }

    @Test func `U3: interim answers of a service stay behind the gateway`() async throws {
        try await withGateway { listener in
            let only = try await listener.accept()
            try await only.serve(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + Self.ok)
            await only.untilEnd()
        } _: { client in
            let answer = try await client.get("/v1/products")
            #expect(answer.status == 200)
            #expect(answer.body == "{}")
            #expect(!answer.head.contains("link:"))
        }
    }

    @Test func `U4: an answer to a request whose body was not read is relayed, and the connection is not used again`()
        async throws
    {
        try await withGateway { listener in
            let first = try await listener.accept()
            let head = try await first.readHead()
            #expect(head.hasPrefix("POST /v1/orders "))
            try await first.say(
                "HTTP/1.1 409 Conflict\r\nContent-Length: 4\r\nConnection: close\r\n\r\n\"no\"")
            // Nothing of the body was read; the gateway hangs up.
            await first.untilEnd()
            let second = try await listener.accept()
            try await second.serve(Self.ok)
            await second.untilEnd()
        } _: { client in
            // With its head more than goes out at once, so the answer is read while it is sent.
            let answer = try await client.post(
                "/v1/orders", String(repeating: "a", count: PublicRoute.bodyLimit))
            #expect(answer.status == 409)
            #expect(answer.body == "\"no\"")
            let next = try await client.get("/v1/products")
            #expect(next.status == 200)
        }
    }

    @Test func `U5: a connection that ends as it is used again costs no idempotent request`()
        async throws
    {
        let isClosed = AsyncSignal()
        try await withGateway { listener in
            let first = try await listener.accept()
            try await first.serve(Self.ok)
            // Takes the next request and goes without a word.
            _ = try await first.readHead()
            await first.abort()
            let second = try await listener.accept()
            try await second.serve(Self.ok)
            // The same for a request that may not be sent twice.
            _ = try await second.readHead()
            await second.abort()
            let third = try await listener.accept()
            try await third.serve(Self.ok)
            // Closed in peace: even a POST finds a new connection.
            await third.close()
            isClosed.raise()
            let fourth = try await listener.accept()
            let head = try await fourth.readHead()
            #expect(head.hasPrefix("POST "))
            try await fourth.say(Self.ok)
            await fourth.untilEnd()
        } _: { client in
            for _ in 0..<2 {
                let answer = try await client.get("/v1/orders")
                #expect(answer.status == 200)
            }
            let unsure = try await client.post("/v1/orders", "{}")
            #expect(unsure.status == 502)
            let answer = try await client.get("/v1/orders")
            #expect(answer.status == 200)
            // The third's end is in the kernel, whether the gateway's loop has been told or not.
            try await isClosed.wait()
            let placed = try await client.post("/v1/orders", "{}")
            #expect(placed.status == 200)
        }
    }

    @Test func `U6: what a service says unasked is nobody's answer`() async throws {
        try await withGateway { listener in
            let first = try await listener.accept()
            try await first.serve(Self.ok)
            try await first.say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
            await first.untilEnd()
            let second = try await listener.accept()
            try await second.serve(Self.ok)
            await second.untilEnd()
        } _: { client in
            for _ in 0..<2 {
                let answer = try await client.get("/v1/products")
                #expect(answer.status == 200)
                #expect(answer.body == "{}")
            }
        }
    }
}

/// A client of the gateway that sees every byte.
private struct Downstream {
    struct Answer {
        let status: Int
        /// In lower case.
        let head: String
        let body: String
    }

    let connection: TCPConnection

    func ask(_ method: String, _ target: String, _ body: String? = nil) async throws {
        let framing = body.map { "Content-Length: \($0.utf8.count)\r\n" } ?? ""
        try await connection.say(
            "\(method) \(target) HTTP/1.1\r\nHost: shop.example\r\nIdempotency-Key: k\r\n"
                + "Authorization: \(GatewayFixture.bearer)\r\n\(framing)\r\n\(body ?? "")")
    }

    func get(_ target: String) async throws -> Answer {
        try await ask("GET", target)
        return try await answer()
    }

    func post(_ target: String, _ body: String) async throws -> Answer {
        try await ask("POST", target, body)
        return try await answer()
    }

    /// One answer of declared length.
    private func answer() async throws -> Answer {
        let head = try await connection.readHead().lowercased()
        let status = Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0
        let length = head.split(separator: "\r\n").first { $0.hasPrefix("content-length: ") }
            .flatMap { Int($0.dropFirst("content-length: ".count)) }
        var body: [UInt8] = []
        while body.count < length ?? 0 {
            let some = try await connection.read(
                upTo: (length ?? 0) - body.count, deadline: .after(.seconds(20)))
            try #require(!some.isEmpty)
            body += some
        }
        return Answer(status: status, head: head, body: String(decoding: body, as: UTF8.self))
    }

    /// Everything up to the end, of whichever kind.
    func rest() async -> String {
        var all: [UInt8] = []
        do {
            while true {
                let some = try await connection.read(deadline: .after(.seconds(20)))
                guard !some.isEmpty else { break }
                all += some
            }
        } catch {
            // Ignored: a cut is an end, and what this looks for.
        }
        return String(decoding: all, as: UTF8.self)
    }
}

extension TCPConnection {
    /// The bytes up to an empty line.
    fileprivate func readHead() async throws -> String {
        var all: [UInt8] = []
        while !all.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            let some = try await read(upTo: 1, deadline: .after(.seconds(20)))
            guard !some.isEmpty else { throw SocketError(.closed, "premature end") }
            all += some
        }
        return String(decoding: all, as: UTF8.self)
    }

    fileprivate func say(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// Takes a request without a body, and answers it.
    fileprivate func serve(_ answer: String) async throws {
        _ = try await readHead()
        try await say(answer)
    }

    /// Returns when the gateway has hung up, in whichever way.
    fileprivate func untilEnd() async {
        do {
            while !(try await read(deadline: .after(.seconds(20)))).isEmpty {}
        } catch {
            // Ignored: a reset is an end too.
        }
        close()
    }
}
