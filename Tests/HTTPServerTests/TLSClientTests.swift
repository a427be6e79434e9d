import Basics
import HTTP
import HTTPClient
import HTTPServer
import Sockets
import TLSFixture
import Telemetry
import Testing

@testable import Crypto

@Suite(.timeLimit(.minutes(2))) struct TLSClientTests {
    private let world: TLSWorld

    init() throws { world = try TLSWorld() }

    private func failure(
        of files: TestAuthority.Files, host: String = "localhost"
    ) async throws -> ClientError? {
        let holder = Events()
        var found: ClientError?
        try await withServer(limits: quickLimits(), tls: try world.server(files)) { running in
            let client = try world.client(running.loop)
            found = await #expect(throws: ClientError.self) {
                try await client.send(
                    ClientRequest(method: .post, url: "https://\(host):\(running.port)/hello"))
            }
            await running.untilNoConnections()
            if running.metric(#"http_server_connections_total{server="api"} 1"#) { holder.add("once") }
        }
        #expect(holder.all == ["once"], "a server that cannot be trusted is not tried again")
        return found
    }

    @Test func `servers that cannot prove to be the host are refused with the reason`() async throws {
        let stranger = try TestAuthority("a stranger")
        let cases: [(TestAuthority.Files, String)] = [
            (try world.authority.issue { ($0.start, $0.end) = (-7_200, -60) }, "has expired"),
            (try world.authority.issue { $0.start = 3_600 }, "not yet valid"),
            (try world.authority.issue { $0.hosts = "DNS:other.example" }, "hostname mismatch"),
            (try world.authority.selfSigned(), "self-signed certificate"),
            (try stranger.issue(), "unable to get local issuer certificate"),
        ]
        for (files, words) in cases {
            let error = try await failure(of: files)
            #expect(error?.code == .tlsFailed)
            #expect(error?.nothingWritten == true)
            let text = try #require(error?.description)
            #expect(text.contains(words), "\(text)")
            #expect(text.contains("the certificate of localhost:"))
        }
    }

    @Test func `an address is compared with addresses`() async throws {
        let named = try world.authority.issue { $0.hosts = "DNS:localhost" }
        let error = try await failure(of: named, host: "127.0.0.1")
        #expect(error?.description.contains("IP address mismatch") == true)
    }

    @Test(arguments: TLSVersion.allCases)
    func `mutual TLS: with a certificate a client gets in, without it is refused`(version: TLSVersion)
        async throws
    {
        let tls = try world.server(
            clients: .required(authoritiesPath: world.authority.rootPath))
        try await withServer(limits: quickLimits(), tls: tls) { running in
            let url = "https://localhost:\(running.port)/hello"
            let mine = try world.authority.issue { ($0.name, $0.isClient) = ("customer", true) }
            let known = try world.client(running.loop, mine, versions: version...version)
            let answer = try await known.send(ClientRequest(url: url))
            #expect(answer.status == 200)
            _ = try await answer.body.collect()
            await known.closeIdle()

            let unknown = try world.client(running.loop, versions: version...version)
            let failure = await #expect(throws: ClientError.self) {
                try await unknown.send(ClientRequest(url: url))
            }
            #expect(failure?.code == .tlsFailed, "\(failure.debugDescription)")
            #expect(failure?.description.contains("refuses the connection") == true)
        }
    }

    /// A server of the test's own, which can end in ways that ours never would.
    private func answering(
        _ response: String, orderly: Bool, _ body: (Client, String) async throws -> Void
    ) async throws {
        let loop = try EventLoop(name: "peer")
        loop.start()
        defer {
            loop.stop()
            loop.join()
        }
        let listener = try TCPListener(host: "127.0.0.1", port: 0, loop: loop)
        let context = try world.server().current
        let serving = Task(executorPreference: loop) {
            let connection = try await listener.accept()
            // By hand, so that the socket can end without TLS knowing of it.
            let session = try TLSSession(server: context)
            var plain: [UInt8] = []
            while !String(decoding: plain, as: UTF8.self).hasSuffix("\r\n\r\n") {
                var wire: [UInt8] = []
                let bytes = try await connection.read(deadline: .after(.seconds(60)))
                // The client gave up: without this the loop would go on for ever.
                guard !bytes.isEmpty else { throw SocketError(.connectionReset, "client") }
                try session.receive(bytes, plain: &plain, wire: &wire)
                try await connection.write(wire)
            }
            var wire: [UInt8] = []
            try session.protect(Array(response.utf8)[...], wire: &wire)
            if orderly { session.finish(wire: &wire) }
            try await connection.write(wire)
            await connection.close()
        }
        let client = try world.client(loop)
        try await body(client, "https://localhost:\(listener.port)/")
        try await serving.value
        await listener.close()
    }

    @Test func `a body that ends with the connection ends with a closing alert`() async throws {
        try await answering("HTTP/1.1 200 OK\r\n\r\nall of it", orderly: true) { client, url in
            let answer = try await client.send(ClientRequest(url: url))
            let body = try await answer.body.collect()
            #expect(body == Array("all of it".utf8))
        }
    }

    @Test func `a cut without a closing alert is no end of a body (RFC 8446 §6.1)`() async throws {
        try await answering("HTTP/1.1 200 OK\r\n\r\nhalf of", orderly: false) { client, url in
            let answer = try await client.send(ClientRequest(url: url))
            let failure = await #expect(throws: ClientError.self) { try await answer.body.collect() }
            #expect(failure?.code == .reset)
        }
    }

    @Test func `what is complete before a cut is taken`() async throws {
        try await answering("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour", orderly: false) {
            client, url in
            let answer = try await client.send(ClientRequest(url: url))
            let body = try await answer.body.collect()
            #expect(body == Array("four".utf8))
            #expect(await client.connectionCounts().active == 0)
        }
    }

    @Test func `http and https of one host are different origins`() async throws {
        try await withServer(limits: quickLimits(), tls: try world.server()) { running in
            let client = try world.client(running.loop)
            let answer = try await client.send(
                ClientRequest(url: "HTTPS://LOCALHOST:\(running.port)/hello"))
            _ = try await answer.body.collect()
            let plain = try await client.send(
                ClientRequest(url: "http://localhost:\(running.port)/hello"))
            #expect(plain.status == 400)
            await client.closeIdle()
        }
    }
}
