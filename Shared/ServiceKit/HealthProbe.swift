import Basics
import Configuration
import Foundation
import Glibc
import HTTP
import HTTPClient
import Sockets
import Telemetry

/// `<service> --health`: asks the operations port of the service that runs beside it whether it is
/// ready. Container engines call it, so that an image needs no other program for that.
struct HealthProbe: Sendable {
    /// The question and its answer; shorter than the limit that images give the whole program (10 s).
    static let limit: Duration = .seconds(5)
    /// The longest answer that is read, in bytes: checks are few and their causes bounded.
    static let bodyMax = 256 * 1_024

    /// What a person who runs it by hand reads, and the exit code for those who do not read.
    struct Verdict: Sendable, Equatable {
        let isReady: Bool
        let text: String
    }

    let name: String
    let url: String

    /// From the same variables as the service itself.
    init(name: String, port: PortSetting, environment: EnvironmentReader)
        throws(ConfigurationError)
    {
        let number = try port.read(environment)
        guard number > 0 else {
            throw ConfigurationError(
                .outOfRange, key: port.key, "is 0, any free port; nobody can ask there")
        }
        let host = try environment.text("MERCATO_HOST", default: "127.0.0.1")
        // A service on all addresses is asked on the one that never leaves the machine.
        let address = host == "0.0.0.0" || host == "::" ? "127.0.0.1" : host
        self.name = name
        url = "http://\(address.contains(":") ? "[\(address)]" : address):\(number)/readyz"
    }

    /// Ends the process: 0 when the service is ready (degraded included: it serves), otherwise 1.
    static func main(_ name: String, _ port: PortSetting) async -> Never {
        do {
            let probe = try HealthProbe(name: name, port: port, environment: .process())
            let loop = try EventLoop(name: "health")
            loop.start()
            let verdict = await withTaskExecutorPreference(loop) { await probe.ask(loop) }
            let line = Array((verdict.text + "\n").utf8)
            // Nothing can be done when the caller does not read; the exit code says it too.
            _ = write(STDOUT_FILENO, line, line.count)
            _exit(verdict.isReady ? ExitCode.graceful : ExitCode.failure)
        } catch {
            ServiceProgram.complain(name, error)
            _exit(ExitCode.failure)
        }
    }

    func ask(_ loop: EventLoop) async -> Verdict {
        let client = Client(
            loop: loop, logger: Logger(service: name, sink: DiscardingSink()))
        do {
            let answer = try await client.send(
                ClientRequest(method: .get, url: url, headers: Headers(), body: []),
                deadline: .after(Self.limit))
            let body = try await answer.body.collect(upTo: Self.bodyMax)
            await client.closeIdle()
            return judge(answer.status, body)
        } catch {
            return Verdict(isReady: false, text: "\(name): not ready: \(url) does not answer: \(error)")
        }
    }

    /// Causes in the order of their names, so that two answers can be compared.
    private func judge(_ status: Int, _ body: [UInt8]) -> Verdict {
        // Ignored: an answer that is no report has no causes to show; its status still counts.
        let report = try? JSONDecoder().decode(ReadinessReport.self, from: Data(body))
        let causes = (report?.checks ?? [:]).sorted { $0.key < $1.key }
            .compactMap { check in check.value.cause.map { "\(check.key): \($0)" } }
            .joined(separator: "; ")
        let words =
            status == 200
            ? (report?.status ?? "ready").replacing("_", with: " ") : "not ready (status \(status))"
        return Verdict(
            isReady: status == 200, text: "\(name): \(words)" + (causes.isEmpty ? "" : ": \(causes)"))
    }
}
