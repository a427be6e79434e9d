import Sockets

extension Commands {
    /// Waits until nothing is under way, then verifies every invariant over all books.
    func check(wait seconds: Int, admin url: String?) async throws -> ExitCode {
        let reader = AuditReader(try admin(url))
        let end = ContinuousClock.now + .seconds(seconds)
        var state = try await reader.everything()
        var told = false
        while case let pending = Invariant.pending(state), !pending.isEmpty,
            ContinuousClock.now < end
        {
            if !told {
                terminal.line("waiting for \(pending.count) things under way, up to \(seconds) s")
                told = true
            }
            try await loop.sleep(for: .seconds(1))
            state = try await reader.everything()
        }
        var report = CheckReport(state)
        if !report.isClean {
            try await loop.sleep(for: .seconds(1))
            report = CheckReport(try await reader.everything()).confirmed(by: report)
        }
        for line in report.lines { terminal.line(line) }
        terminal.line(report.isClean ? "all invariants hold" : "INVARIANTS BROKEN")
        return report.isClean ? .done : .failed
    }
}
