import Basics
import Configuration
import Crypto
import Foundation
import HTTP
import HTTPClient
import Sockets
import TLSFixture
import Telemetry
import Testing

@testable import ServiceKit

@Suite(.timeLimit(.minutes(1))) struct TLSSettingsTests {
    private let authority: TestAuthority
    private let files: TestAuthority.Files

    init() throws {
        authority = try TestAuthority()
        files = try authority.issue()
    }

    @Test func `without a certificate there is no TLS`() throws {
        #expect(try TLSSettings.read(EnvironmentReader([:])) == nil)
        #expect(try TLSSettings.read(EnvironmentReader(["MERCATO_TLS_CERT": ""])) == nil)
    }

    @Test(arguments: [
        (["MERCATO_TLS_CERT"], "MERCATO_TLS_KEY"), (["MERCATO_TLS_KEY"], "MERCATO_TLS_CERT"),
        (["MERCATO_TLS_CLIENT_CA"], "MERCATO_TLS_CERT"),
    ])
    func `a part of the settings is a mistake, never plain HTTP`(set: [String], missing: String) {
        let values = Dictionary(uniqueKeysWithValues: set.map { ($0, "/nowhere") })
        let error = #expect(throws: ConfigurationError.self) {
            try TLSSettings.read(EnvironmentReader(values))
        }
        #expect(error?.key == missing)
    }

    @Test func `a file that cannot be used ends the start with 78 and its name`() {
        let values = ["MERCATO_TLS_CERT": "/nowhere/chain.pem", "MERCATO_TLS_KEY": files.key]
        let error = #expect(throws: ExitError.self) {
            try TLSSettings.read(EnvironmentReader(values))
        }
        #expect(error?.exitCode == 78)
        #expect(error?.description.contains("there is no file /nowhere/chain.pem") == true)
    }

    @Test func `client certificates are demanded, or only asked for`() throws {
        var values = [
            "MERCATO_TLS_CERT": files.chain, "MERCATO_TLS_KEY": files.key,
            "MERCATO_TLS_CLIENT_CA": authority.rootPath,
        ]
        let path = authority.rootPath
        #expect(
            try TLSSettings.read(EnvironmentReader(values))?.options.clientCertificates
                == .required(authoritiesPath: path))
        values["MERCATO_TLS_CLIENT"] = "optional"
        #expect(
            try TLSSettings.read(EnvironmentReader(values))?.options.clientCertificates
                == .optional(authoritiesPath: path))
        values["MERCATO_TLS_CLIENT"] = "never"
        #expect(throws: ConfigurationError.self) {
            try TLSSettings.read(EnvironmentReader(values))
        }
    }

    @Test func `a service's API speaks TLS and its operations port does not`() async throws {
        let tls = try ServerTLS(
            TLSServerOptions(identity: TLSIdentity(chainPath: files.chain, keyPath: files.key)))
        var trust = ClientConfiguration()
        trust.tls = try TLSContext(client: TLSClientOptions(authoritiesPath: authority.rootPath))
        let configuration = trust
        let failure = try await TestService.run { _ in
            var api = Router()
            api.on(.get, "/hello") { _ in .text(200, "hello") }
            return Composition(api: api, apiPort: 0, apiTLS: tls, operationsPort: 0)
        } _: { service in
            try await service.eventually("it is ready") {
                try await service.get("/readyz", operations: true).status == 200
            }
            let client = Client(
                loop: service.context.loop, configuration: configuration,
                logger: service.context.logger)
            let answer = try await client.send(
                ClientRequest(url: "https://localhost:\(service.ports.api ?? 0)/hello"))
            #expect(answer.status == 200)
            _ = try await answer.body.collect()
            await client.closeIdle()
            let plain = try await service.get("/hello")
            #expect(plain.status == 400)
        }
        #expect(failure == nil)
    }

    @Test func `a reload is logged and counted, and a refused one keeps what was`() throws {
        func install(_ files: TestAuthority.Files) throws {
            for (from, to) in [(files.chain, "live.pem"), (files.key, "live.key")] {
                _ = try authority.file(to, try text(from))
            }
        }
        try install(try authority.issue { $0.end = 86_000 })
        let tls = try ServerTLS(
            TLSServerOptions(
                identity: TLSIdentity(
                    chainPath: authority.folder + "/live.pem",
                    keyPath: authority.folder + "/live.key")))
        let (context, sink) = try TestService.makeContext()
        defer { context.loop.stop() }
        let watch = CertificateWatch(tls, logger: context.logger, metrics: context.metrics)
        #expect(sink.lines.contains { $0.contains("more hours") })
        let first = tls.current
        _ = try authority.file("live.pem", "nonsense")
        watch.reload()
        #expect(tls.current === first)
        #expect(sink.lines.contains { $0.contains("the old ones stay") && $0.contains("notPEM") })
        try install(files)
        watch.reload()
        #expect(tls.current !== first)
        let page = context.metrics.render()
        #expect(
            page.contains(
                #"http_server_certificate_reloads_total{outcome="refused",server="api"} 1"#))
        #expect(
            page.contains(#"http_server_certificate_reloads_total{outcome="done",server="api"} 1"#))
        let end = try #require(tls.current.end)
        #expect(
            page.contains(
                #"http_server_certificate_end_seconds{server="api"} \#(end.microseconds / 1_000_000)"#))
    }

    private func text(_ path: String) throws -> String {
        try String(contentsOfFile: path, encoding: .utf8)
    }
}
