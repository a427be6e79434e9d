/// What a check found, for people.
package struct CheckReport: Sendable {
    package let state: AuditState
    package let findings: [Finding]

    /// Ids shown for one invariant; the rest is counted.
    package static let shownMax = 20

    /// Verifies every invariant.
    package init(_ state: AuditState) {
        self.init(state, findings: Invariant.all.flatMap { $0.verify(state) })
    }

    private init(_ state: AuditState, findings: [Finding]) {
        self.state = state
        self.findings = findings
    }

    package var isClean: Bool { findings.isEmpty }

    /// Only what an earlier look saw too. The databases are read one after the other, so an order
    /// that moves on in between can look wrong once; it cannot look wrong twice.
    package func confirmed(by earlier: CheckReport) -> CheckReport {
        func same(_ finding: Finding) -> [String] { [String(finding.invariant), finding.id] }
        let known = Set(earlier.findings.map(same))
        return CheckReport(state, findings: findings.filter { known.contains(same($0)) })
    }

    package var lines: [String] {
        let checkouts = state.checkoutStates
        let states = state.orders.keys.compactMap { checkouts[$0] }
        var lines = [
            "\(state.orders.count) orders: \(states.count { $0 == "CONFIRMED" }) confirmed, "
                + "\(states.count { $0 == "CANCELLED" }) cancelled; "
                + "\(state.journal.count) lines in the provider's journal, "
                + "\(state.transfers.count) ledger transfers, \(state.moves.count) stock moves",
            deadLetters,
        ]
        for invariant in Invariant.all {
            let mine = findings.filter { $0.invariant == invariant.number }
                .sorted { ($0.id, $0.detail) < ($1.id, $1.detail) }
            let number = (invariant.number < 10 ? " " : "") + String(invariant.number)
            lines.append("\(mine.isEmpty ? "ok  " : "FAIL") \(number)  \(invariant.title)")
            lines += mine.prefix(Self.shownMax).map { "         \($0.id): \($0.detail)" }
            if mine.count > Self.shownMax {
                lines.append("         and \(mine.count - Self.shownMax) more")
            }
        }
        return lines
    }

    /// No fault by itself: an order that one of them keeps from ending is a finding of 17.
    private var deadLetters: String {
        let counts = state.deadLetters.sorted { $0.key < $1.key }.flatMap { service, classes in
            classes.sorted { $0.key < $1.key }.map { "\(service) \($0.value) \($0.key)" }
        }
        return "dead letters: " + (counts.isEmpty ? "none" : counts.joined(separator: ", "))
    }
}
