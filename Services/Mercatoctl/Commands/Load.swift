import Basics
import Foundation
import Sockets

extension Commands {
    /// Sends the customers of one run and prints what they met. Exit 1 unless every threshold holds.
    func load(_ plan: LoadPlan) async throws -> ExitCode {
        try await places().with([.gateway, .admin]) { place in
            try plan.checkTarget(place.gatewayURL)
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

    private func write(_ report: LoadReport, to path: String) throws {
        do {
            try Data(try report.json()).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw CommandFailure(.failed, "the report cannot be written to \(path): \(error)")
        }
    }
}
