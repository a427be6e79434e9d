import Basics
import Foundation
import NativeServers
import Sockets
import Support
import Testing

@testable import Mercatoctl

/// The two generators, against one shop.
@Suite(.serialized) struct K6ReportTests {
    private static let scripts = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "deploy/load").path

    private func plan(_ profile: LoadProfile) -> LoadPlan {
        var plan = LoadPlan()
        plan.profile = profile
        plan.rate = 10
        plan.duration = .seconds(2)
        plan.maxInFlight = 40
        // A busy machine is no mistake of the scripts.
        plan.bounds = ["request_p99_ms": 60_000, "accepted_p99_ms": 60_000]
        if profile == .checkout { plan.bounds["confirmed_p99_ms"] = 60_000 }
        plan.bounds = plan.bounds.filter { LoadThresholds.names(of: profile).contains($0.key) }
        return plan
    }

    private func own(_ profile: LoadProfile) async throws -> LoadReport {
        let plan = plan(profile)
        return try await TinyShop.run { _, url, loop in
            try await LoadRun(
                plan, target: url,
                transport: ShopConnections(url: url, maxInFlight: 40, loop: loop),
                admin: AdminAPI(url: url, calls: ClientCalls(loop: loop)), loop: loop,
                say: { _ in }
            ).run()
        }
    }

    private func k6(_ profile: LoadProfile) async throws -> (report: [UInt8], output: String) {
        let json = try ScratchFolder.make("k6") + "/report.json"
        let program = try #require(Command.find("k6"))
        let plan = plan(profile)
        return try await TinyShop.run { _, url, _ in
            let place = Place(kind: .native, gatewayURL: url, adminURL: url)
            let run = K6Run(
                plan, place, json: json, inherited: ProcessInfo.processInfo.environment)
            let outcome = try await Blocking.run {
                try Command.run(
                    program,
                    [
                        "run", "--quiet", "--no-usage-report",
                        "\(Self.scripts)/\(profile.rawValue).js",
                    ], environment: run.environment, limit: .seconds(90))
            }
            #expect(outcome.status == 0, "\(outcome.errors)")
            let data = try #require(FileManager.default.contents(atPath: json))
            return (Array(data), outcome.output)
        }
    }

    /// Every member's path; tables with free keys (statuses, reasons) are leaves.
    private func members(_ value: Any, _ path: String = "") -> Set<String> {
        let free = path.hasSuffix(".answers") || path.hasSuffix(".cancelled")
        if !free, let object = value as? [String: Any] {
            return object.reduce(into: []) { $0.formUnion(members($1.value, "\(path).\($1.key)")) }
        }
        if let list = value as? [Any] {
            return list.reduce(into: []) { $0.formUnion(members($1, "\(path)[]")) }
        }
        return [path]
    }

    @Test(arguments: LoadProfile.allCases)
    func `the own generator's run against a working shop passes`(profile: LoadProfile) async throws {
        let report = try await own(profile)
        #expect(report.passed, "\(LoadTable.lines(report).joined(separator: "\n"))")
        #expect(report.arrivals.sent == 20)
        if profile == .flash {
            #expect(report.stock == LoadReport.Stock(sku: "FLASH-SALE", before: 5, sold: 5, after: 0))
            #expect(report.orders?.cancelled == ["no_stock": 15])
        }
    }

    // k6 is no package of the distribution; where it is missing, `make load` does without.
    @Test(.enabled(if: Command.find("k6") != nil, "k6 is not on PATH"), arguments: LoadProfile.allCases)
    func `k6 and mercatoctl write the same report and print the same page`(profile: LoadProfile)
        async throws
    {
        let own = try await own(profile)
        let (bytes, output) = try await k6(profile)
        let other = try JSONDecoder().decode(LoadReport.self, from: Data(bytes))
        #expect(other.passed, "\(output)")
        #expect(other.generator == "k6" && other.schema == LoadReport.schema)
        let shapes = try [own.json(), bytes].map {
            members(try JSONSerialization.jsonObject(with: Data($0)))
        }
        #expect(shapes[0] == shapes[1], "\(shapes[0].symmetricDifference(shapes[1]))")
        #expect(other.requests.map(\.kind) == own.requests.map(\.kind))
        #expect(other.thresholds.map(\.name) == own.thresholds.map(\.name))
        #expect(LoadTable.lines(other).joined(separator: "\n") + "\n" == output)
    }
}
