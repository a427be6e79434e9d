import Foundation
import NativeServers

/// A Prometheus of one test, with its data in the scratch folder.
package final class ScratchPrometheus: Sendable {
    /// One series of an answer, at one time.
    package struct Sample: Sendable {
        package let labels: [String: String]
        package let value: Double
    }

    package let url: String
    private let folder: String
    private let child: ChildProcess

    private init(url: String, folder: String, child: ChildProcess) {
        self.url = url
        self.folder = folder
        self.child = child
    }

    /// Starts it with this configuration; `files` lie beside it, by name.
    ///
    /// - Throws: `NativeError` `.missing` when it is not installed.
    package static func start(_ configuration: String, files: [String: String] = [:]) async throws
        -> ScratchPrometheus
    {
        try await Blocking.run {
            guard let program = Command.find("prometheus") else {
                throw NativeError(
                    .missing, "prometheus is not on PATH; `deploy/native/install.sh --tests` "
                        + "installs it, or: apt-get install prometheus")
            }
            let folder = try ScratchFolder.make("prometheus")
            try Folders.writePrivate(configuration, to: folder + "/prometheus.yml")
            for (name, text) in files { try Folders.writePrivate(text, to: "\(folder)/\(name)") }
            let port = try FreePort.any()
            let child = try ChildProcess(
                Launch(
                    name: "prometheus", kind: .service, program: program,
                    arguments: [
                        "--config.file=\(folder)/prometheus.yml",
                        "--storage.tsdb.path=\(folder)/data",
                        "--web.listen-address=127.0.0.1:\(port)", "--log.level=warn",
                    ],
                    environment: Launch.baseEnvironment(), log: folder + "/prometheus.log",
                    port: port, portKey: "", readiness: .answers(port: port, path: "/-/ready"),
                    stopSignal: SIGTERM, stopSeconds: 10))
            Watchdog.shared.watch(child.identity)
            do {
                try child.waitUntilReady(within: .seconds(60))
            } catch {
                child.killNow()
                throw error
            }
            return ScratchPrometheus(
                url: "http://127.0.0.1:\(port)", folder: folder, child: child)
        }
    }

    /// Ends it and removes its data.
    package func stop() async throws {
        let (child, folder) = (child, folder)
        try await Blocking.run {
            child.stop()
            try Folders.remove(folder)
        }
    }

    private struct Answer: Decodable {
        struct Data: Decodable {
            struct Series: Decodable {
                let metric: [String: String]
                let value: [Value]
            }
            let result: [Series]
        }
        /// A time is a number, a value is text.
        enum Value: Decodable {
            case time
            case text(String)

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                self = (try? .text(container.decode(String.self))) ?? .time  // Ignored: see above.
            }
        }
        let status: String
        let error: String?
        let data: Data?
    }

    /// The present value of an expression that gives a vector.
    package func query(_ expression: String) async throws -> [Sample] {
        let escaped =
            expression.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? expression
        let url = url
        let answer = try await TestLoop.run { loop in
            try await ShopClient(url, loop: loop).call("GET", "/api/v1/query?query=\(escaped)")
        }
        let decoded = try JSONDecoder().decode(Answer.self, from: Data(answer.body))
        guard decoded.status == "success", let data = decoded.data else {
            throw StackFailure("Prometheus on \(expression): \(decoded.error ?? answer.text)")
        }
        return data.result.map { series in
            var number = Double.nan
            if case .text(let text)? = series.value.last {
                number = Double(text.replacing("Inf", with: "inf")) ?? .nan
            }
            return Sample(labels: series.metric, value: number)
        }
    }
}
