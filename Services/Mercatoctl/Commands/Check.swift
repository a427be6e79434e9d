import Sockets

extension Commands {
    /// Waits until nothing is under way, then verifies every invariant over all books. An audit that
    /// breaks off is read once more, while there is time.
    func check(wait seconds: Int, admin url: String?) async throws -> ExitCode {
        let reader = AuditReader(try admin(url))
        let end = ContinuousClock.now + .seconds(seconds)
        func look() async throws -> AuditState {
            try await reader.everything { failure in
                guard ContinuousClock.now < end else { return false }
                terminal.line("\(failure.message); reading it once more")
                try await loop.sleep(for: .seconds(1))
                return true
            }
        }
        var state = try await look()
        var told = false
        while case let pending = Invariant.pending(state), !pending.isEmpty,
            ContinuousClock.now < end
        {
            if !told {
                terminal.line("waiting for \(pending.count) things under way, up to \(seconds) s")
                told = true
            }
            try await loop.sleep(for: .seconds(1))
            state = try await look()
        }
        var report = CheckReport(state)
        if !report.isClean {
            try await loop.sleep(for: .seconds(1))
            report = CheckReport(try await look()).confirmed(by: report)
        }
        for line in report.lines { terminal.line(line) }
        terminal.line(report.isClean ? "all invariants hold" : "INVARIANTS BROKEN")
        return report.isClean ? .done : .failed
    }
}
