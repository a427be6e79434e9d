import Configuration
import HTTP
import Sockets
import Telemetry
import Testing

@testable import ServiceKit

@Suite(.timeLimit(.minutes(1))) struct HealthProbeTests {
    private static let setting = PortSetting("TEST_PORT_OPS", default: 8299)

    /// Asks the service on its operations port.
    private static func verdict(of service: TestService) async throws -> HealthProbe.Verdict {
        let probe = try HealthProbe(
            name: "test", port: setting,
            environment: EnvironmentReader(["TEST_PORT_OPS": String(service.ports.operations)]))
        return await probe.ask(service.context.loop)
    }

    @Test func `a service is asked on its own port, and says ready, degraded or why not`()
        async throws
    {
        let error = try await TestService.run { _ in Composition(operationsPort: 0) } _: { service in
            try await service.eventually("ready") { service.context.readiness.isReady }
            var verdict = try await Self.verdict(of: service)
            #expect(verdict == .init(isReady: true, text: "test: ready"))

            service.context.readiness.set("kafka", .degraded("the broker is away"))
            verdict = try await Self.verdict(of: service)
            #expect(
                verdict == .init(isReady: true, text: "test: degraded: kafka: the broker is away"))

            service.context.readiness.set("database", .notReady("connection refused"))
            verdict = try await Self.verdict(of: service)
            #expect(!verdict.isReady)
            #expect(
                verdict.text == "test: not ready (status 503): "
                    + "database: connection refused; kafka: the broker is away")
        }
        #expect(error == nil)
    }

    @Test func `a service that is not there is not ready, and the address asked is named`()
        async throws
    {
        let (context, _) = try TestService.makeContext()
        defer { context.loop.stop() }
        // Port 1 needs rights to listen on; nobody does here.
        let probe = try HealthProbe(
            name: "test", port: PortSetting("K", default: 1), environment: EnvironmentReader([:]))
        let verdict = await withTaskExecutorPreference(context.loop) {
            await probe.ask(context.loop)
        }
        #expect(!verdict.isReady)
        #expect(verdict.text.contains("http://127.0.0.1:1/readyz does not answer"))
    }

    @Test(arguments: [
        ("0.0.0.0", "http://127.0.0.1:8299/readyz"), ("::", "http://127.0.0.1:8299/readyz"),
        ("192.0.2.7", "http://192.0.2.7:8299/readyz"), ("::1", "http://[::1]:8299/readyz"),
    ])
    func `the service's own address is asked, and loopback when it listens on all`(
        host: String, url: String
    ) throws {
        let probe = try HealthProbe(
            name: "test", port: Self.setting, environment: EnvironmentReader(["MERCATO_HOST": host]))
        #expect(probe.url == url)
    }

    @Test(arguments: ["0", "seven"])
    func `a port that cannot be asked is refused by its key`(port: String) {
        let error = #expect(throws: ConfigurationError.self) {
            try HealthProbe(
                name: "test", port: Self.setting,
                environment: EnvironmentReader(["TEST_PORT_OPS": port]))
        }
        #expect(error?.key == "TEST_PORT_OPS")
    }
}
