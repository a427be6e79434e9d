import Sockets

extension Commands {
    /// Waits until nothing is under way, then verifies every invariant over all books.
    func check(wait seconds: Int) async throws -> ExitCode {
        try await places().with(.admin) { place in
            let checkup = Checkup(AuditReader(place.admin(calls)), loop: loop)
            let result = try await checkup.run(
                until: .now + .seconds(seconds), say: { terminal.line($0) })
            for line in result.report.lines { terminal.line(line) }
            terminal.line(result.report.isClean ? "all invariants hold" : "INVARIANTS BROKEN")
            return result.report.isClean ? .done : .failed
        }
    }
}
