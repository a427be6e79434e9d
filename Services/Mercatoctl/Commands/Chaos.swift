import Basics
import Foundation
import NativeServers
import Sockets

extension Commands {
    /// Runs scenarios one after the other. Exit 1 when one of them failed, 2 for a file with mistakes.
    func chaos(_ request: ChaosRequest) async throws -> ExitCode {
        let folder = try ScenarioFolder(request.from, binaries: settings.binaries)
        let scenarios = try folder.chosen(request.scenarios)
        if request.list {
            let width = scenarios.map(\.name.count).max() ?? 0
            for scenario in scenarios {
                let pad = String(repeating: " ", count: width - scenario.name.count)
                terminal.line("\(scenario.name)\(pad)  \(scenario.description)")
            }
            return .done
        }
        let places = try places()
        guard try await places.kind() == .native else {
            return try await chaos(request, scenarios, places)
        }
        // With addresses of elsewhere there is no stack of ours to start, and none to disturb.
        guard places.options.gateway == nil, places.options.admin == nil else {
            throw CommandFailure(
                .usage, "chaos needs the processes, not only their addresses: name the place, --on compose "
                    + "or --on kubernetes")
        }
        let start = try await stack.up()
        do {
            let code = try await chaos(request, scenarios, places)
            if start == .startedAll { try await end() }
            return code
        } catch {
            if start == .startedAll { try await end() }
            throw error
        }
    }

    private func chaos(_ request: ChaosRequest, _ scenarios: [ChaosScenario], _ places: Places)
        async throws -> ExitCode
    {
        let seed = request.seed ?? RandomSource.system.next() % 1_000_000
        let reports = ChaosReports(folder: request.report ?? settings.home + "/chaos")
        let results = try await places.with { place in
            let admin = place.admin(calls)
            terminal.line(try await Seed(admin).run())
            let backend = try await backend(place, admin)
            terminal.line("seed \(seed); the same seed gives the same orders: --seed \(seed)")
            var results: [ChaosResult] = []
            for scenario in scenarios {
                let result = try await one(scenario, seed: seed, backend, place, admin)
                try reports.save(result)
                results.append(result)
            }
            return results
        }
        let table = ChaosTable(results)
        terminal.line()
        for line in table.lines { terminal.line(line) }
        terminal.line()
        let kind = results.first?.place.rawValue ?? ""
        try reports.save(table, title: "Chaos on \(kind), seed \(seed)")
        terminal.line("\(table.summary); reports in \(reports.folder)")
        return results.contains(where: \.hasFailed) ? .failed : .done
    }

    private func one(
        _ scenario: ChaosScenario, seed: UInt64, _ backend: any ChaosBackend, _ place: Place,
        _ admin: AdminAPI
    ) async throws -> ChaosResult {
        terminal.line()
        if let reason = Self.obstacle(scenario, backend) {
            terminal.line("\(scenario.name) on \(backend.place.rawValue): skipped: \(reason)")
            return .skipped(scenario, backend.place, reason: reason)
        }
        terminal.line("\(scenario.name): \(scenario.description)")
        let terminal = terminal
        let run = ChaosRun(
            scenario, seed: seed, backend: backend, gatewayURL: place.gatewayURL, admin: admin,
            loop: loop, say: { terminal.line($0) })
        let verdict = try await run.run()
        terminal.line()
        for line in ChaosPage(verdict).lines { terminal.line(line) }
        return .judged(verdict)
    }

    private static func obstacle(_ scenario: ChaosScenario, _ backend: any ChaosBackend) -> String? {
        guard scenario.places.contains(backend.place) else {
            let places = scenario.places.map(\.rawValue).sorted().joined(separator: ", ")
            return "its file says where: \(places)"
        }
        return backend.obstacle(to: scenario.fault)
    }

    private func backend(_ place: Place, _ admin: AdminAPI) async throws -> any ChaosBackend {
        // Tools and waits that Ctrl-C does not end: what was stopped must be started again.
        let patient = Interruption()
        switch place.kind {
        case .native:
            let quiet = Terminal(write: { _ in }, writeError: { _ in })
            return NativeBackend(
                Stack(settings, terminal: quiet, interruption: patient), admin)
        case .compose:
            return ComposeBackend(
                .docker(settings.environment, patient),
                project: ComposePlace.project(settings.environment), admin: admin, loop: loop)
        case .kubernetes:
            let kubectl = ExternalTool.kubectl(settings.environment, patient)
            let cluster = KubernetesPlace(settings.environment, kubectl)
            return KubernetesBackend(
                ChaosCluster(
                    namespace: cluster.namespace, release: cluster.release, kubectl: kubectl,
                    loop: loop), admin: admin)
        }
    }

    private func end() async throws {
        _ = try await stack.down(patient: Interruption())
        terminal.line("Mercato has ended; its data stays in \(settings.home)")
    }
}
