import Basics
import Configuration
import Glibc
import Sockets
import Telemetry
import Testing

@testable import ServiceKit

/// The id of the test process.
enum ProcessIdentity {
    static var number: pid_t { getpid() }
}

@Suite(.timeLimit(.minutes(1))) struct ServiceProgramTests {
    @Test func `errors have their exit codes`() {
        let bad = ConfigurationError(.missing, key: "K", "is not set")
        #expect(ServiceProgram.exitCode(of: bad) == 78)
        #expect(ServiceProgram.exitCode(of: ExitError.configuration("x")) == 78)
        #expect(ServiceProgram.exitCode(of: Refusal(description: "x")) == 1)
        let taken = PortInUse(key: "K", port: 1, holder: nil)
        #expect(ServiceProgram.exitCode(of: taken) == 4)
    }

    @Test(arguments: [
        ("MERCATO_LOG_LEVEL", "loud"), ("MERCATO_DRAIN_MS", "soon"),
        ("MERCATO_DRAIN_MS", "700000"), ("MERCATO_DRAIN_WAIT_MS", "15000"),
    ])
    func `a bad setting of the process is refused`(key: String, value: String) {
        let error = #expect(throws: ConfigurationError.self) {
            try ServiceProcess(name: "test", environment: EnvironmentReader([key: value]))
        }
        #expect(error?.key == key)
    }

    @Test func `signals arrive as calls: reload as often as asked, then the end`() async throws {
        let loop = try EventLoop(name: "test")
        loop.start()
        defer { loop.stop() }
        let seen = OneShot<CInt>()
        let reloads = AsyncQueue<Int>(capacity: 8)
        ShutdownSignals.install(
            drainLimit: .seconds(600), onSignal: { seen.succeed($0) },
            onReload: { reloads.push(1) }, forced: { _ in })
        for _ in 0..<2 {
            kill(getpid(), SIGHUP)
            #expect(await reloads.next() == 1)
        }
        kill(getpid(), SIGTERM)
        #expect(try await seen.value() == SIGTERM)
    }

    @Test func `resident memory is read from the kernel`() throws {
        let bytes = try #require(ProcessMetrics.residentBytes())
        #expect(bytes > 1_000_000)
        let metrics = MetricsRegistry()
        ProcessMetrics.register(in: metrics, service: "test")
        #expect(metrics.render().contains("process_start_time_seconds"))
    }
}
