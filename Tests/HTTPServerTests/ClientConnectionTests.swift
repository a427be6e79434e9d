import Basics
import HTTP
import HTTPClient
import Sockets
import Telemetry
import Testing

/// What becomes of a connection when the peer misbehaves: the peer is played byte by byte.
@Suite(.timeLimit(.minutes(1)))
struct ClientConnectionTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    private func text(_ client: Client, _ url: String) async throws -> String {
        let answer = try await client.send(ClientRequest(url: url))
        return String(decoding: try await answer.body.collect(), as: UTF8.self)
    }

    @Test func `a pooled connection that was closed is replaced for an idempotent request (U5)`()
        async throws
    {
        try await withPeer { listener in
            let first = try await listener.accept()
            _ = try await first.readHead()
            try await first.write(Array(Self.ok.utf8))
            // Takes the second request, and goes without a word.
            _ = try await first.readHead()
            await first.abort()
            let second = try await listener.accept()
            _ = try await second.readHead()
            try await second.write(Array(Self.ok.utf8))
            await second.close()
        } _: { client, url in
            for _ in 0..<2 {
                let answer = try await text(client, url)
                #expect(answer == "ok")
            }
        }
    }

    @Test func `a POST that may have arrived is not repeated (RT-1)`() async throws {
        try await withPeer { listener in
            let first = try await listener.accept()
            _ = try await first.readHead()
            try await first.write(Array(Self.ok.utf8))
            _ = try await first.readHead()
            await first.abort()
        } _: { client, url in
            let answer = try await text(client, url)
            #expect(answer == "ok")
            let failure = await #expect(throws: ClientError.self) {
                try await client.send(ClientRequest(method: .post, url: url))
            }
            #expect(failure?.code == .reset)
            #expect(failure?.nothingWritten == false)
        }
    }

    @Test func `a connection that cannot be made is tried again, for every method (RT-2)`() async throws {
        let loop = try EventLoop(name: "client")
        loop.start()
        defer {
            loop.stop()
            loop.join()
        }
        let held = try HeldPort()
        let port = held.port
        let log = MemorySink()
        var configuration = ClientConfiguration()
        configuration.connectAttempts = 1_000
        configuration.connectRetryWindow = .seconds(20)
        let client = Client(
            loop: loop, configuration: configuration,
            logger: Logger(service: "test", level: .debug, sink: log))
        async let answer = client.send(
            ClientRequest(method: .post, url: "http://127.0.0.1:\(port)/", body: [1]),
            deadline: .after(.seconds(20)))
        while !log.lines.contains(where: { $0.contains("no connection; trying again") }) {
            try Task.checkCancellation()
            await Task.yield()
        }
        held.release()
        let listener = try TCPListener(host: "127.0.0.1", port: port, loop: loop)
        let connection = try await listener.accept()
        _ = try await connection.readHead()
        try await connection.write(Array(Self.ok.utf8))
        let status = try await answer.status
        #expect(status == 200)
        await connection.close()
        await client.closeIdle()
        await listener.close()
    }

    @Test func `a fresh connection that is cut is an error, not a repetition`() async throws {
        try await withPeer { listener in
            let first = try await listener.accept()
            _ = try await first.readHead()
            await first.abort()
        } _: { client, url in
            let failure = await #expect(throws: ClientError.self) {
                try await client.send(ClientRequest(url: url))
            }
            #expect(failure?.code == .reset)
        }
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", "nonsense\r\n",
    ])
    func `a doubtful response is malformed and its connection closed (U1)`(response: String)
        async throws
    {
        try await withPeer { listener in
            let first = try await listener.accept()
            _ = try await first.readHead()
            try await first.write(Array(response.utf8))
            await first.untilEnd()
        } _: { client, url in
            let failure = await #expect(throws: ClientError.self) {
                try await client.send(ClientRequest(url: url))
            }
            #expect(failure?.code == .malformed)
            #expect(await client.connectionCounts() == (active: 0, idle: 0))
        }
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ])
    func `a connection with surplus bytes or a wish to close is not kept (U6, PX-4)`(
        response: String
    ) async throws {
        try await withPeer { listener in
            let first = try await listener.accept()
            _ = try await first.readHead()
            try await first.write(Array(response.utf8))
            await first.untilEnd()
        } _: { client, url in
            let answer = try await text(client, url)
            #expect(answer == "ok")
            #expect(await client.connectionCounts() == (active: 0, idle: 0))
        }
    }

    @Test func `a body that is cut is an error, never an end (U2)`() async throws {
        try await withPeer { listener in
            let first = try await listener.accept()
            _ = try await first.readHead()
            try await first.write(Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".utf8))
            await first.close()
        } _: { client, url in
            let answer = try await client.send(ClientRequest(url: url))
            let failure = await #expect(throws: ClientError.self) {
                try await answer.body.collect()
            }
            #expect(failure?.code == .reset)
        }
    }

    @Test func `a body without a length ends with the connection`() async throws {
        try await withPeer { listener in
            let first = try await listener.accept()
            _ = try await first.readHead()
            try await first.write(Array("HTTP/1.1 200 OK\r\n\r\nall of it".utf8))
            await first.close()
        } _: { client, url in
            let answer = try await text(client, url)
            #expect(answer == "all of it")
        }
    }

    @Test func `a dropped body closes its connection`() async throws {
        try await withPeer { listener in
            let first = try await listener.accept()
            _ = try await first.readHead()
            try await first.write(Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".utf8))
            await first.untilEnd()
        } _: { client, url in
            _ = try await client.send(ClientRequest(url: url)).status
        }
    }
}
