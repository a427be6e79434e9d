import Basics
import Foundation
import Glibc
import NativeServers
import Sockets

extension Commands {
    /// Sends the customers of one run and prints what they met. Exit 1 unless every threshold holds.
    func load(_ plan: LoadPlan) async throws -> ExitCode {
        try await places().with([.gateway, .admin]) { place in
            try plan.checkTarget(place.gatewayURL)
            if let folder = plan.k6Folder { return try await k6(plan, scripts: folder, place) }
            let connections = ShopConnections(
                url: place.gatewayURL, maxInFlight: plan.maxInFlight, loop: loop)
            let terminal = terminal
            let run = LoadRun(
                plan, target: place.gatewayURL, transport: connections, admin: place.admin(calls),
                loop: loop, say: { terminal.error($0) })
            let report = try await run.run()
            for line in LoadTable.lines(report) { terminal.line(line) }
            if let path = plan.jsonFile { try write(report, to: path) }
            return report.passed ? .done : .failed
        }
    }

    /// The same run by k6. Its scripts print the table and write the report; the verdict is read from
    /// the report, because k6's own thresholds cannot say all of it.
    private func k6(_ plan: LoadPlan, scripts folder: String, _ place: Place) async throws -> ExitCode {
        guard let program = Command.find("k6", path: settings.environment["PATH"]) else {
            throw CommandFailure(
                .missing, "k6 is not on PATH",
                details: ["install it (https://grafana.com/docs/k6/), or leave --k6 out"])
        }
        let path = URL(filePath: plan.jsonFile ?? "\(NSTemporaryDirectory())mercato-k6-\(getpid()).json")
        defer {
            // Ignored: a file of our own that was never written.
            if plan.jsonFile == nil { try? FileManager.default.removeItem(at: path) }
        }
        // A report of an earlier run must not become this one's verdict.
        try? FileManager.default.removeItem(at: path)  // Ignored: there may be none.
        let run = K6Run(plan, place, json: path.path, inherited: settings.environment)
        let (interruption, script) = (stack.interruption, "\(folder)/\(plan.profile.rawValue).js")
        let outcome = try await Blocking.run {
            try Command.run(
                program, ["run", "--quiet", "--no-usage-report", script],
                environment: run.environment, limit: run.limit, interruption: interruption)
        }
        // 99: thresholds were crossed, which the page says better.
        if outcome.status != 0, outcome.status != 99 {
            for line in outcome.errors.split(separator: "\n").suffix(5) { terminal.error("k6: \(line)") }
        }
        if !outcome.output.isEmpty { terminal.line(outcome.output.trimmingCharacters(in: .newlines)) }
        guard let data = FileManager.default.contents(atPath: path.path) else {
            throw CommandFailure(.failed, "k6 left no report (exit \(outcome.status))")
        }
        return try JSONDecoder().decode(LoadReport.self, from: data).passed ? .done : .failed
    }

    private func write(_ report: LoadReport, to path: String) throws {
        do {
            try Data(try report.json()).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw CommandFailure(.failed, "the report cannot be written to \(path): \(error)")
        }
    }
}
