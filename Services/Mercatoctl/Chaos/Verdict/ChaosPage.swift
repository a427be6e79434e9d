import Basics

/// A verdict as one page for people.
package struct ChaosPage: Sendable {
    private let verdict: ChaosVerdict
    private var record: ChaosRecord { verdict.record }
    private var scenario: ChaosScenario { record.scenario }

    /// Lines of proof shown; the JSON file has all of them.
    package static let sightingsShown = 12

    package init(_ verdict: ChaosVerdict) { self.verdict = verdict }

    package var lines: [String] {
        ["\(scenario.name) on \(record.place.rawValue): \(verdict.passed ? "PASSED" : "FAILED")"]
            + verdict.failures.map { "  !! \($0)" }
            + [""] + rows.flatMap { title, texts in
                texts.enumerated().map { index, text in
                    "  \(pad(index == 0 ? title : "", 13))\(text)"
                }
            }
    }

    private var rows: [(String, [String])] {
        [
            ("hypothesis", [scenario.hypothesis]),
            ("fault", fault), ("proof", proof), ("orders", orders),
            ("availability", availability), ("recovery", recovery), ("check", check),
            ("seed", ["\(record.seed), began \(record.began.iso8601)"]),
        ]
    }

    private var fault: [String] {
        guard let window = record.window else { return ["none"] }
        let times = "\(Seconds.digits(window.lowerBound))–\(Seconds.text(window.upperBound))"
        return ["\(scenario.fault.title), \(times): \(record.injected)"]
            + (record.mended.isEmpty ? [] : ["taken back: \(record.mended)"])
    }

    /// What everybody looked like before the fault is left out, but for those who prove it.
    private var proof: [String] {
        let witnesses = Set(
            record.evidence.entries.filter(\.sighting.provesFault).map(\.sighting.source))
        let began = record.faultBegan ?? .zero
        let entries = record.evidence.entries.filter {
            $0.at >= began || witnesses.contains($0.sighting.source)
        }
        let shown = entries.prefix(Self.sightingsShown).map { entry in
            "\(pad(Seconds.text(entry.at), 8))\(entry.sighting.provesFault ? "* " : "  ")"
                + "\(entry.sighting.source): \(entry.sighting.state)"
        }
        guard entries.count > shown.count else { return shown.isEmpty ? ["none"] : shown }
        return shown + ["and \(entries.count - shown.count) more"]
    }

    private var orders: [String] {
        let total = record.orders.count
        return [
            "\(total) placed at \(number(scenario.load.rate))/s; \(verdict.placedInFault) during the "
                + "fault, \(verdict.inFlightAtBegin) under way when it began"
        ]
            + OrderIntent.allCases.compactMap { intent in
                let ends = verdict.ends(of: intent)
                guard !ends.isEmpty else { return nil }
                return "\(pad(intent.title, 10))"
                    + ends.map { "\($0.count) \($0.end)" }.joined(separator: ", ")
            }
    }

    private var availability: [String] {
        [
            "outside the fault \(share(verdict.outside)); in it \(share(verdict.inside))"
        ]
    }

    private func share(_ part: ChaosVerdict.Availability) -> String {
        guard let percent = part.percent else { return "no good orders" }
        return "\(part.confirmed) of \(part.placed) good orders confirmed (\(number(percent)) %)"
    }

    private var recovery: [String] {
        var parts: [String] = []
        if let restored = record.restored, let ended = record.faultEnded {
            parts.append("target back \(Seconds.text(restored - ended)) after the fault's end")
        }
        if let first = verdict.firstSuccess {
            parts.append("first order confirmed \(Seconds.text(first)) after it")
        }
        if let slowest = verdict.slowestOrder {
            parts.append("slowest order \(Seconds.text(slowest))")
        }
        if let quiet = record.quiet {
            let last = quiet - scenario.load.duration
            parts.append("nothing under way \(Seconds.text(max(.zero, last))) after the last order")
        } else {
            parts.append("never quiet")
        }
        return [parts.joined(separator: "; ")]
    }

    private var check: [String] {
        guard let check = record.check else { return ["not reached"] }
        return check.isClean ? ["all invariants hold"] : check.complaints
    }

    private func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    private func number(_ value: Double) -> String { ChaosPage.number(value) }

    /// One digit behind the point at most.
    static func number(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? String(tenths / 10) : "\(tenths / 10).\(abs(tenths % 10))"
    }
}

extension OrderIntent {
    var title: String {
        switch self {
        case .good: "good"
        case .declined: "declined"
        case .noStock: "no stock"
        }
    }
}
