import Basics
import Contracts
import Saga
import Testing

@Suite struct StepPolicyTests {
    @Test func `the first wait is the attempt time-out, later ones grow to the cap`() {
        let policy = StepPolicy(attempt: .seconds(2), cap: .seconds(15), budget: .seconds(60))
        let random = RandomSource.seeded(3)
        #expect(policy.wait(afterSend: 1, random: random) == .seconds(2))
        for sends in 2...40 {
            let wait = policy.wait(afterSend: sends, random: random)
            #expect(wait >= .seconds(2) && wait <= .seconds(15))
        }
        #expect(policy.wait(afterSend: 9, overBudget: true, random: random) == .seconds(300))
    }
}

@Suite struct CorrelationTests {
    private func judge(step: Step?, sequence: Int64?) -> Correlation {
        let order = OrderID(.v7(milliseconds: 1, random: .seeded(1)))
        let saga = SagaSnapshot(
            orderID: order, type: "checkout", state: "AUTHORIZING", version: 2,
            openSteps: [.authorize],
            steps: [.authorize: StepRecord(sequence: 2, status: .open)])
        let envelope = Envelope(
            messageID: order.value, type: "Authorized", orderID: order, step: step,
            stepSequence: sequence, causationID: order.value)
        return Correlation.judge(envelope, against: saga)
    }

    @Test func `only the answer to the step as it was opened counts`() {
        #expect(judge(step: .authorize, sequence: 2) == .current)
        #expect(judge(step: .authorize, sequence: 1) == .late)
        for forged in [judge(step: .authorize, sequence: 3), judge(step: .capture, sequence: 2),
            judge(step: nil, sequence: 2)]
        {
            guard case .contradiction = forged else {
                Issue.record("\(forged)")
                continue
            }
        }
    }
}
