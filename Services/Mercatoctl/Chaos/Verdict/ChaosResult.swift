/// How a scenario ended at a place. A scenario that a place cannot do is skipped, never passed.
package enum ChaosResult: Sendable {
    case judged(ChaosVerdict)
    case skipped(ChaosScenario, PlaceKind, reason: String)

    package var scenario: ChaosScenario {
        switch self {
        case .judged(let verdict): verdict.record.scenario
        case .skipped(let scenario, _, _): scenario
        }
    }

    package var place: PlaceKind {
        switch self {
        case .judged(let verdict): verdict.record.place
        case .skipped(_, let place, _): place
        }
    }

    package var word: String {
        switch self {
        case .judged(let verdict): verdict.passed ? "passed" : "FAILED"
        case .skipped: "skipped"
        }
    }

    package var hasFailed: Bool {
        guard case .judged(let verdict) = self else { return false }
        return !verdict.passed
    }
}
