/// The verdicts of several runs, one line each, for the terminal and for a page in Markdown.
package struct ChaosTable: Sendable {
    private let results: [ChaosResult]

    package init(_ results: [ChaosResult]) { self.results = results }

    package static let titles = [
        "scenario", "verdict", "in fault", "outside", "inside", "recovery", "slowest", "check",
    ]

    package var rows: [[String]] {
        results.map { result in
            switch result {
            case .skipped(let scenario, _, let reason):
                [scenario.name, "skipped", reason]
            case .judged(let verdict):
                [
                    result.scenario.name, result.word,
                    String(verdict.placedInFault + verdict.inFlightAtBegin),
                    share(verdict.outside), share(verdict.inside),
                    verdict.firstSuccess.map(Seconds.text) ?? "-",
                    verdict.slowestOrder.map(Seconds.text) ?? "-",
                    verdict.record.check.map { $0.isClean ? "clean" : "BROKEN" } ?? "-",
                ]
            }
        }
    }

    private func share(_ part: ChaosVerdict.Availability) -> String {
        part.percent.map { "\(part.confirmed)/\(part.placed) \(ChaosPage.number($0)) %" } ?? "-"
    }

    package var lines: [String] {
        let table = [Self.titles] + rows
        let judged = table.filter { $0.count == Self.titles.count }
        let widths = Self.titles.indices.map { column in
            (column < 2 ? table : judged).map { $0[column].count }.max() ?? 0
        }
        return table.map { row in
            row.enumerated().map { column, text in
                let width = row.count == widths.count ? widths[column] : column < 2 ? widths[column] : 0
                return text + String(repeating: " ", count: max(0, width - text.count))
            }.joined(separator: "  ").trimmed
        }
    }

    /// How many of each, as the last line of a run.
    package var summary: String {
        let passed = results.count { $0.word == "passed" }
        let failed = results.count { $0.hasFailed }
        let skipped = results.count - passed - failed
        return "\(passed) passed, \(failed) failed, \(skipped) skipped"
    }

    package var markdown: [String] {
        func line(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |" }
        return [line(Self.titles), line(Self.titles.map { _ in "---" })]
            + rows.map { row in
                line(row + Array(repeating: "", count: Self.titles.count - row.count))
            }
    }
}

extension String {
    fileprivate var trimmed: String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
