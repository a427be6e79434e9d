import Basics
import Contracts
import Saga
import Telemetry

/// What checkouts are measured by. Every set of labels that a fault can bring exists from the start,
/// so that a dashboard shows 0 and not a hole.
struct CheckoutMetrics: Sendable {
    struct StepEnd: Hashable, Sendable {
        let step: Step
        let status: StepRecord.Status
    }

    /// In seconds: a healthy checkout takes less than 0.1, one through an outage takes minutes.
    static let sagaBuckets = [
        0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900,
    ]
    static let stepBuckets = [
        0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
    ]

    private let transitions: CounterFamily<CheckoutState>
    private let resends: CounterFamily<Step>
    private let steps: HistogramFamily<StepEnd>
    private let sagas: HistogramFamily<String>

    init(_ metrics: MetricsRegistry) {
        transitions = CounterFamily(
            metrics, "saga_transitions_total", help: "Saga transitions by the state entered.",
            from: CheckoutState.allCases
        ) { ["saga": CheckoutSaga.type, "state": $0.rawValue] }
        resends = CounterFamily(
            metrics, "saga_step_resends_total", help: "Commands sent again for want of an answer.",
            from: Step.allCases
        ) { ["step": $0.label] }
        let refusable: [Step] = [.reserve, .authorize, .commitStock, .capture]
        steps = HistogramFamily(
            metrics, "saga_step_duration_seconds",
            help: "Time from a step's first command to its end, by outcome.",
            buckets: Self.stepBuckets,
            from: Step.allCases.map { StepEnd(step: $0, status: .ok) }
                + refusable.map { StepEnd(step: $0, status: .refused) }
                + refusable.dropLast().map { StepEnd(step: $0, status: .undone) }
        ) { ["step": $0.step.label, "outcome": $0.status.rawValue.lowercased()] }
        sagas = HistogramFamily(
            metrics, "saga_duration_seconds",
            help: "Time from placing an order to its end, by outcome.", buckets: Self.sagaBuckets,
            from: [Self.confirmed] + CancelReason.allCases.map(\.rawValue)
        ) { ["outcome": $0] }
    }

    private static let confirmed = "confirmed"

    func resent(_ steps: [Step]) {
        for step in steps { resends[step].increment() }
    }

    /// A transition was committed.
    func moved(_ saga: SagaSnapshot, _ move: SagaMove) {
        for closing in move.closes {
            guard let record = saga.steps[closing.step] else { continue }
            steps[StepEnd(step: closing.step, status: closing.status)].observe(record.age)
        }
        guard let state = CheckoutState(rawValue: move.to) else { return }
        transitions[state].increment()
        // A checkout begins with Reserve, in the transaction that places the order.
        guard state.isTerminal, let age = saga.steps[.reserve]?.age else { return }
        let reason = (move.reason ?? saga.reason).flatMap(CancelReason.init(rawValue:))
        sagas[state == .confirmed ? Self.confirmed : (reason ?? .timedOut).rawValue].observe(age)
    }
}

extension Step {
    /// The step in a label: lower case, as label values are.
    fileprivate var label: String { rawValue.lowercased() }
}
