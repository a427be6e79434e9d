import Basics
import Crypto
import Foundation
import Glibc
import HTTPClient
import NativeServers
import Sockets
import Support
import TLSFixture
import Telemetry
import Testing

/// The gateway's own program with TLS: what an operator does to it, and what customers see of it.
@Suite(.timeLimit(.minutes(2))) struct GatewayTLSTests {
    private let authority: TestAuthority
    private let port: Int
    private let adminPort: Int

    init() throws {
        authority = try TestAuthority()
        port = try FreePort.any()
        adminPort = try FreePort.any()
    }

    private func install(_ change: (inout TestAuthority.Request) -> Void = { _ in }) throws {
        let files = try authority.issue(change)
        for (from, to) in [(files.chain, "live.pem"), (files.key, "live.key")] {
            _ = try authority.file(to, try String(contentsOfFile: from, encoding: .utf8))
        }
    }

    private func launch() throws -> ChildProcess {
        var environment = Launch.baseEnvironment()
        environment["MERCATO_PORT_GATEWAY"] = String(port)
        environment["MERCATO_PORT_ADMIN"] = String(adminPort)
        environment["MERCATO_TLS_CERT"] = authority.folder + "/live.pem"
        environment["MERCATO_TLS_KEY"] = authority.folder + "/live.key"
        return try ChildProcess(
            Launch(
                name: "gateway", kind: .service, program: ServiceProcess.binaries() + "/gateway",
                arguments: [], environment: environment, log: authority.folder + "/gateway.log",
                port: adminPort, portKey: "MERCATO_PORT_ADMIN",
                readiness: .answers(port: adminPort, path: "/readyz"), stopSignal: SIGTERM,
                stopSeconds: 20))
    }

    @Test func `SIGHUP renews the certificate, and open connections do not notice`() async throws {
        try install()
        let gateway = try launch()
        do {
            try await Blocking.run { try gateway.waitUntilReady(within: .seconds(30)) }
            try await TestLoop.run { loop in try await renew(gateway, loop) }
        } catch {
            gateway.killNow()
            throw error
        }
        let ended = try await Blocking.run {
            gateway.signal(SIGTERM)
            return gateway.waitForExit(within: .seconds(20))
        }
        #expect(ended == .code(0))
    }

    private func renew(_ gateway: ChildProcess, _ loop: EventLoop) async throws {
        var configuration = ClientConfiguration()
        configuration.tls = try TLSContext(
            client: TLSClientOptions(authoritiesPath: authority.rootPath))
        let logger = Logger(service: "test", sink: MemorySink())
        // Its one connection is kept over everything that happens below.
        let old = Client(loop: loop, configuration: configuration, logger: logger)
        func statusOfOld() async throws -> Int {
            let answer = try await old.send(ClientRequest(url: "https://localhost:\(port)/"))
            _ = try await answer.body.collect()
            return answer.status
        }
        #expect(try await statusOfOld() == 200)

        // For another name, so that those who are shown it can tell.
        try install { $0.hosts = "DNS:renewed.example" }
        gateway.signal(SIGHUP)
        try await reloaded("done", old)
        let newcomer = Client(loop: loop, configuration: configuration, logger: logger)
        let failure = await #expect(throws: ClientError.self) {
            try await newcomer.send(ClientRequest(url: "https://localhost:\(port)/"))
        }
        #expect(failure?.description.contains("hostname mismatch") == true)
        #expect(try await statusOfOld() == 200)

        _ = try authority.file("live.pem", "nonsense")
        gateway.signal(SIGHUP)
        try await reloaded("refused", old)
        #expect(try await statusOfOld() == 200)
        // One with TLS and one to the admin port.
        #expect(await old.connectionCounts().idle == 2)
        await old.closeIdle()
    }

    private func reloaded(_ outcome: String, _ client: Client) async throws {
        let line = #"http_server_certificate_reloads_total{outcome="\#(outcome)",server="api"} 1"#
        let page = "http://127.0.0.1:\(adminPort)/metrics"
        try await eventually("the reload is \(outcome)") {
            let answer = try await client.send(ClientRequest(url: page))
            return String(decoding: try await answer.body.collect(), as: UTF8.self).contains(line)
        }
    }

    @Test func `files that cannot be used end the start with 78 and one line`() async throws {
        try install()
        _ = try authority.file("live.key", "no key")
        let gateway = try launch()
        let ended = try await Blocking.run { gateway.waitForExit(within: .seconds(20)) }
        #expect(ended == .code(78))
        let log = try String(contentsOfFile: authority.folder + "/gateway.log", encoding: .utf8)
        #expect(log.contains("gateway: TLS cannot be set up: \(authority.folder)/live.key holds no private key"))
    }
}
