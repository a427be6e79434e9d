import Foundation
import HTTPServer
import Sockets
import TLSFixture
import Testing

@testable import Crypto

/// Our server as programs of others see it.
@Suite(.timeLimit(.minutes(2))) struct TLSStrangerTests {
    private let world: TLSWorld

    init() throws { world = try TLSWorld() }

    private static let curl = Stranger.exists("curl")
    private static let openssl = Stranger.exists("openssl")

    @Test(.enabled(if: curl, "curl is not installed"), arguments: ["1.2", "1.3"])
    func `curl speaks each version and believes the certificate`(version: String) async throws {
        try await withServer(limits: quickLimits(), tls: try world.server()) { running in
            let body = try world.authority.file("body", String(repeating: "x", count: 300_000))
            let curl = try await Stranger.run(
                "curl",
                [
                    "-sv", "--tlsv\(version)", "--tls-max", version, "--cacert",
                    world.authority.rootPath, "--data-binary", "@\(body)", "-o",
                    world.authority.folder + "/back", "https://localhost:\(running.port)/echo",
                ], in: world.authority.folder)
            #expect(curl.status == 0, "\(curl.output)")
            #expect(curl.output.contains("SSL connection using TLSv\(version)"))
            #expect(curl.output.contains("ALPN: server accepted http/1.1"))
            #expect(curl.output.contains("SSL certificate verify ok."))
            #expect(
                FileManager.default.contentsEqual(
                    atPath: body, andPath: world.authority.folder + "/back"))
        }
    }

    @Test(.enabled(if: curl, "curl is not installed"))
    func `mutual TLS: curl gets in with a certificate only`() async throws {
        let tls = try world.server(clients: .required(authoritiesPath: world.authority.rootPath))
        try await withServer(limits: quickLimits(), tls: tls) { running in
            let mine = try world.authority.issue { ($0.name, $0.isClient) = ("customer", true) }
            let common = ["-sS", "--cacert", world.authority.rootPath]
            let url = "https://localhost:\(running.port)/hello"
            let known = try await Stranger.run(
                "curl", common + ["--cert", mine.chain, "--key", mine.key, url],
                in: world.authority.folder)
            #expect(known.output == "hello")
            let unknown = try await Stranger.run("curl", common + [url], in: world.authority.folder)
            #expect(unknown.status != 0)
            #expect(unknown.output.contains("certificate required"), "\(unknown.output)")
            #expect(
                running.metric(
                    #"http_server_tls_handshakes_total{outcome="peerNotTrusted",server="api"} 1"#))
        }
    }

    @Test(.enabled(if: openssl, "openssl is not installed"), arguments: ["-tls1_2", "-tls1_3"])
    func `openssl resumes its session`(version: String) async throws {
        try await withServer(limits: quickLimits(), tls: try world.server()) { running in
            let file = world.authority.folder + "/session\(version)"
            let common = [
                "s_client", "-connect", "127.0.0.1:\(running.port)", version, "-servername",
                "localhost", "-CAfile", world.authority.rootPath, "-verify_return_error", "-ign_eof",
            ]
            let request = "GET /hello HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
            let first = try await Stranger.run(
                "openssl", common + ["-sess_out", file], input: request, in: world.authority.folder)
            #expect(first.output.contains("New, TLSv1."), "\(first.output)")
            #expect(first.output.contains("hello"))
            let second = try await Stranger.run(
                "openssl", common + ["-sess_in", file], input: request, in: world.authority.folder)
            #expect(second.output.contains("Reused, TLSv1."), "\(second.output)")
            #expect(second.output.contains("hello"))
        }
    }

    @Test(.enabled(if: openssl, "openssl is not installed"))
    func `old versions, weak ciphers and foreign protocols find no agreement`() async throws {
        try await withServer(limits: quickLimits(), tls: try world.server()) { running in
            for wrong in [
                ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
                ["-tls1_2", "-cipher", "AES128-SHA:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"],
                ["-alpn", "h2"],
            ] {
                let client = try await Stranger.run(
                    "openssl", ["s_client", "-connect", "127.0.0.1:\(running.port)"] + wrong,
                    in: world.authority.folder)
                #expect(client.status != 0, "\(wrong): \(client.output)")
                #expect(client.output.contains("alert"), "\(wrong): \(client.output)")
            }
            await running.untilNoConnections()
        }
    }

    @Test(.enabled(if: openssl, "openssl is not installed"))
    func `a renegotiation is refused and the connection goes on`() async throws {
        try await withServer(limits: quickLimits(), tls: try world.server()) { running in
            // A line with a single R asks for a new handshake.
            let client = try await Stranger.run(
                "openssl",
                ["s_client", "-connect", "127.0.0.1:\(running.port)", "-tls1_2"],
                input: "R\n", in: world.authority.folder)
            #expect(client.output.contains("RENEGOTIATING"))
            #expect(client.output.contains("no renegotiation"), "\(client.output)")
        }
    }
}
