import Basics
package import Contracts
package import Saga

/// The time-outs of each step (correctness.md §2); all of them are configuration.
package struct CheckoutPolicy: Sendable {
    package var stock = StepPolicy(attempt: .seconds(2), cap: .seconds(15), budget: .seconds(60))
    package var authorize = StepPolicy(
        attempt: .seconds(5), cap: .seconds(30), budget: .seconds(90))
    /// The budget only calls a person: the sends go on for ever.
    package var capture = StepPolicy(
        attempt: .seconds(5), cap: .seconds(60), budget: .seconds(900),
        afterBudget: .seconds(300))
    package var compensation = StepPolicy(
        attempt: .seconds(2), cap: .seconds(60), budget: .seconds(3600), afterBudget: .seconds(60))
    /// Inventory's hold; far longer than the sum of the budgets before the commit.
    package var reservationTTL: Duration = .seconds(900)

    package init() {}

    /// What the Reserve command says: whole seconds, rounded up, as zero would be refused.
    package var reservationSeconds: Int64 { Int64(reservationTTL.inSeconds.rounded(.up)) }

    /// What may pass between the Reserve's answer at the latest and the CommitStock's.
    package var budgetsBeforePivot: Duration { stock.budget + authorize.budget + stock.budget }

    package func policy(for step: Step) -> StepPolicy {
        switch step {
        case .reserve, .commitStock: stock
        case .authorize: authorize
        case .capture: capture
        case .void, .release: compensation
        }
    }

    /// The schedule of a state that opens these steps.
    package func schedule(opening steps: [Step]) -> SagaMove.Schedule? {
        guard let first = steps.first else { return nil }
        let policy = policy(for: first)
        return SagaMove.Schedule(nextAttempt: policy.attempt, deadline: policy.budget)
    }
}
