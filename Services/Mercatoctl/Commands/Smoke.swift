import Sockets

extension Commands {
    /// Is it alive? Waits until every service is ready, seeds, places one order that must be
    /// confirmed, and shows its timeline. Needs two addresses and nothing else of this machine, so it
    /// works from inside a container as well.
    func smoke(wait seconds: Int) async throws -> ExitCode {
        try await places().with(.all) { place in
            try await untilReady(place, within: seconds)
            terminal.line(try await Seed(place.admin(calls)).run())
            let scenario = DemoScenario.all[0]
            let walk = DemoWalk(
                scenario: scenario, url: place.gatewayURL, calls: calls, loop: loop,
                terminal: terminal, jaegerURL: pages(place.jaegerURL))
            terminal.line(scenario.title)
            let outcome = try await walk.run()
            terminal.line("   \(outcome.text)")
            terminal.line(outcome.asExpected ? "smoke passed" : "SMOKE FAILED: see the line marked with !!")
            return outcome.asExpected ? .done : .failed
        }
    }

    /// A stack that has just been started answers before its services have joined their groups.
    private func untilReady(_ place: Place, within seconds: Int) async throws {
        let end = ContinuousClock.now + .seconds(seconds)
        var told = false
        while true {
            let last: CommandFailure
            do {
                let answer = try await place.admin(calls).get("/admin/status")
                let report = try JSONObject(answer.body, what: "/admin/status")
                guard let state = report.optionalText("status"), state != "ready" else { return }
                let slow = try report.objects("services").compactMap { service -> String? in
                    guard let state = service.optionalText("status"), state != "ready" else { return nil }
                    return "\(service.optionalText("service") ?? "?") is \(state)"
                }
                // Degraded serves, too; we wait for better while there is time.
                if state == "degraded", ContinuousClock.now >= end { return }
                last = CommandFailure(
                    .failed, "not ready after \(seconds) s: \(slow.joined(separator: ", "))")
            } catch let failure as CommandFailure {
                last = failure
            }
            guard ContinuousClock.now < end else { throw last }
            if !told {
                told = true
                terminal.line("waiting up to \(seconds) s for \(place.gatewayURL): \(last.message)")
            }
            try await loop.sleep(for: .milliseconds(500))
        }
    }
}
