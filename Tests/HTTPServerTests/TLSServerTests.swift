import Basics
import Foundation
import HTTP
import HTTPClient
import HTTPServer
import Sockets
import TLSFixture
import Testing

@testable import Crypto

@Suite(.timeLimit(.minutes(2))) struct TLSServerTests {
    private let world: TLSWorld

    init() throws { world = try TLSWorld() }

    @Test(arguments: TLSVersion.allCases)
    func `requests and bodies pass through TLS as they do without`(version: TLSVersion) async throws {
        try await withServer(limits: quickLimits(), tls: try world.server()) { running in
            let client = try world.client(running.loop, versions: version...version)
            let base = "https://localhost:\(running.port)"
            let body = (0..<900_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            for _ in 0..<3 {
                let hello = try await client.send(ClientRequest(url: base + "/hello"))
                let text = try await hello.body.collect()
                #expect(text == Array("hello".utf8))
                let echo = try await client.send(
                    ClientRequest(method: .post, url: base + "/echo", body: body))
                let back = try await echo.body.collect()
                #expect(back == body)
            }
            #expect(await client.connectionCounts() == (active: 0, idle: 1))
            #expect(
                running.metric(
                    #"http_server_tls_handshakes_total{outcome="full",server="api"} 1"#))
            await client.closeIdle()
        }
    }

    @Test func `a new connection of the same client is resumed`() async throws {
        try await withServer(limits: quickLimits(), tls: try world.server()) { running in
            let client = try world.client(running.loop)
            for _ in 0..<3 {
                let answer = try await client.send(
                    ClientRequest(url: "https://localhost:\(running.port)/hello"))
                _ = try await answer.body.collect()
                await client.closeIdle()
            }
            #expect(
                running.metric(
                    #"http_server_tls_handshakes_total{outcome="resumed",server="api"} 2"#))
        }
    }

    @Test func `requests in one segment and in single bytes are the same to the server`() async throws {
        try await withServer(limits: quickLimits(), tls: try world.server()) { running in
            let client = try await running.secureClient(try world.clientContext())
            try await client.send(
                String(repeating: "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n", count: 3))
            for _ in 0..<3 {
                let answer = try await client.answer()
                #expect(answer.status == 200 && answer.text == "hello")
            }
            for byte in Array("GET /hello HTTP/1.1\r\nHost: t\r\n\r\n".utf8) {
                try await client.connection.write([byte])
            }
            let answer = try await client.answer()
            #expect(answer.text == "hello")
            await client.close()
        }
    }

    @Test func `a connection ends with a closing alert, and a malformed request with one answer`()
        async throws
    {
        try await withServer(limits: quickLimits(), tls: try world.server()) { running in
            let last = try await running.secureClient(try world.clientContext())
            try await last.send("GET /hello HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
            // Nil would be an end without the alert.
            let all = try #require(try await last.rest())
            #expect(all.hasSuffix("hello"))
            let bad = try await running.secureClient(try world.clientContext())
            try await bad.send("GET / HTTP/1.1\r\nBroken\r\n\r\nGET /hello HTTP/1.1\r\n\r\n")
            let refused = try #require(try await bad.rest())
            #expect(refused.hasPrefix("HTTP/1.1 400 "))
            #expect(refused.components(separatedBy: "HTTP/1.1").count == 2)
        }
    }

    @Test func `plain HTTP on a TLS port is told to use https (H99)`() async throws {
        try await withServer(limits: quickLimits(), tls: try world.server()) { running in
            let client = try await running.client()
            let answer = try await client.get("/hello")
            #expect(answer.status == 400)
            #expect(answer.text.contains(#""code":"tls_required""#))
            #expect(answer.headers["connection"] == "close")
            #expect(try await client.rest() != nil)
            #expect(running.metric(#"http_server_tls_handshakes_total{outcome="notTLS",server="api"} 1"#))
        }
    }

    @Test func `a TLS hello on a plain port is refused (H99)`() async throws {
        try await withServer(limits: quickLimits()) { running in
            let client = try world.client(running.loop)
            let failure = await #expect(throws: ClientError.self) {
                try await client.send(ClientRequest(url: "https://localhost:\(running.port)/hello"))
            }
            #expect(failure?.code == .tlsFailed)
            #expect(failure?.description.contains("is it an http port?") == true)
            await running.untilNoConnections()
        }
    }

    @Test func `random bytes on a TLS port end the connection without a word (H99)`() async throws {
        try await withServer(limits: quickLimits(), tls: try world.server()) { running in
            for first: UInt8 in [0, 22, 128, 255] {
                let client = try await running.client()
                try await client.connection.write([first] + [UInt8](repeating: first, count: 300))
                let rest = try await client.rest() ?? ""
                #expect(!rest.contains("HTTP"))
            }
            await running.untilNoConnections()
        }
    }

    @Test func `a handshake that does not go on is ended, and counted`() async throws {
        let limits = quickLimits { $0.handshakeTimeout = .milliseconds(50) }
        try await withServer(limits: limits, tls: try world.server()) { running in
            let client = try await running.client()
            #expect(try await client.rest() == "")
            #expect(
                running.metric(#"http_server_tls_handshakes_total{outcome="timeout",server="api"} 1"#))
        }
    }

    @Test func `handshakes under way are bounded, and the next one waits its turn`() async throws {
        let limits = quickLimits { $0.handshakesMax = 1 }
        try await withServer(limits: limits, tls: try world.server()) { running in
            let one = #"http_server_connections_total{server="api"} 1"#
            let silent = try await running.client()
            try await running.until("the silent one is in") { running.metric(one) }
            let context = try world.clientContext()
            async let next = running.secureClient(context)
            // The kernel has the next one; the server does not take it.
            let taken = try await running.settled { running.metric(one) ? 1 : 2 }
            #expect(taken == 1)
            await silent.close()
            let client = try await next
            let answer = try await client.get("/hello")
            #expect(answer.status == 200)
            await client.close()
        }
    }

    @Test func `a reload keeps connections, serves newcomers the new certificate, and refuses bad files`()
        async throws
    {
        let authority = world.authority
        func install(_ files: TestAuthority.Files) throws {
            for (from, to) in [(files.chain, "live.pem"), (files.key, "live.key")] {
                _ = try authority.file(to, try String(contentsOfFile: from, encoding: .utf8))
            }
        }
        try install(world.files)
        let tls = try ServerTLS(
            TLSServerOptions(
                identity: TLSIdentity(
                    chainPath: authority.folder + "/live.pem",
                    keyPath: authority.folder + "/live.key")))
        try await withServer(limits: quickLimits(), tls: tls) { running in
            let before = try await running.secureClient(try world.clientContext())
            _ = try await before.get("/hello")
            _ = try authority.file("live.pem", "nonsense")
            #expect(throws: TLSError.self) { try tls.reload() }
            let during = try await running.secureClient(try world.clientContext())
            let served = try await during.get("/hello")
            #expect(served.status == 200)
            // The second certificate is for another name, so who is served it can be told.
            try install(try authority.issue { $0.hosts = "DNS:renewed.example" })
            try tls.reload()
            let failure = await #expect(throws: SocketError.self) {
                _ = try await running.secureClient(try world.clientContext())
            }
            #expect(failure?.code == .handshake)
            for old in [before, during] {
                let answer = try await old.get("/hello")
                #expect(answer.status == 200)
                await old.close()
            }
        }
    }

    @Test func `a drain ends TLS connections as it ends others`() async throws {
        try await withServer(limits: quickLimits(), tls: try world.server()) { running in
            let idle = try await running.secureClient(try world.clientContext())
            _ = try await idle.get("/hello")
            let silent = try await running.client()
            try await running.until("both are in") {
                running.metric(#"http_server_connections{server="api"} 2"#)
            }
            try await running.stop()
            // An orderly end for the one, any end for the other.
            #expect(try await idle.rest() == "")
            _ = try await silent.rest()
        }
    }
}
