/// One promise of a run: a figure and its bound.
package struct LoadThreshold: Sendable, Equatable, Codable {
    package enum Rule: String, Sendable, Codable {
        case atMost = "at_most"
        case atLeast = "at_least"
    }

    package let name: String
    package let rule: Rule
    package let bound: Double
    /// Nil when there was nothing to measure, which is no pass.
    package let value: Double?
    package let passed: Bool

    package init(_ name: String, _ rule: Rule, _ bound: Double, value: Double?) {
        self.name = name
        self.rule = rule
        self.bound = bound
        self.value = value
        passed = value.map { rule == .atMost ? $0 <= bound : $0 >= bound } ?? false
    }
}

/// The promises of each profile; `--bound NAME=VALUE` changes one.
package enum LoadThresholds {
    package struct Promise: Sendable {
        let name: String
        let rule: LoadThreshold.Rule
        let bound: Double

        init(_ name: String, _ rule: LoadThreshold.Rule, _ bound: Double) {
            self.name = name
            self.rule = rule
            self.bound = bound
        }
    }

    /// The figures of a run by name; one that could not be measured is absent.
    package typealias Figures = [String: Double]

    private static let always = [
        Promise("not_sent", .atMost, 0), Promise("failed_requests_share", .atMost, 0.01),
    ]

    package static func promises(of profile: LoadProfile) -> [Promise] {
        switch profile {
        case .browse: always + [Promise("request_p99_ms", .atMost, 500)]
        case .checkout:
            always + [
                Promise("accepted_p99_ms", .atMost, 1_000),
                Promise("confirmed_p99_ms", .atMost, 5_000),
                Promise("good_confirmed_share", .atLeast, 0.99),
                Promise("unfinished_orders", .atMost, 0),
            ]
        case .flash:
            always + [
                Promise("accepted_p99_ms", .atMost, 2_000),
                Promise("unfinished_orders", .atMost, 0),
                // More than there was; less than there was although somebody wanted it; and what
                // the shelf shows afterwards against what was sold.
                Promise("oversold_pieces", .atMost, 0), Promise("unsold_pieces", .atMost, 0),
                Promise("stock_difference", .atMost, 0),
            ]
        }
    }

    package static func names(of profile: LoadProfile) -> [String] {
        promises(of: profile).map(\.name)
    }

    package static func verdict(
        _ profile: LoadProfile, _ figures: Figures, changed: [String: Double] = [:]
    ) -> [LoadThreshold] {
        promises(of: profile).map {
            LoadThreshold(
                $0.name, $0.rule, changed[$0.name] ?? $0.bound, value: figures[$0.name])
        }
    }
}
