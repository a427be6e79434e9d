import Basics
import Configuration
import OrderService
import Saga
import Testing

@Suite struct OrderConfigurationTests {
    private func read(_ values: [String: String]) throws(ConfigurationError) -> OrderConfiguration {
        try OrderConfiguration.read(EnvironmentReader(values))
    }

    private func refusal(_ values: [String: String]) -> String {
        do {
            _ = try read(values)
            return "accepted"
        } catch {
            return "\(error)"
        }
    }

    @Test func `the defaults agree with each other`() throws {
        let policy = try read([:]).policy
        #expect(policy.reservationTTL >= policy.budgetsBeforePivot)
        #expect(policy.capture.afterBudget == .seconds(300))
    }

    @Test func `a hold is at least one second, in whole seconds, rounded up`() throws {
        #expect(
            refusal(["MERCATO_RESERVATION_TTL_MS": "999"]).contains("MERCATO_RESERVATION_TTL_MS"))
        let short = [
            "MERCATO_STOCK_BUDGET_MS": "100", "MERCATO_AUTHORIZE_BUDGET_MS": "100",
            "MERCATO_RESERVATION_TTL_MS": "1500",
        ]
        #expect(try read(short).policy.reservationSeconds == 2)
    }

    @Test func `lowering a budget alone lowers what must not exceed it`() throws {
        let policy = try read(["MERCATO_STOCK_BUDGET_MS": "1000"]).policy
        #expect(policy.stock.cap == .seconds(1))
        #expect(policy.stock.attempt == .seconds(1))
    }

    @Test(arguments: [
        ("MERCATO_STOCK_ATTEMPT_MS", "16000", "MERCATO_STOCK_CAP_MS"),
        ("MERCATO_AUTHORIZE_CAP_MS", "90001", "MERCATO_AUTHORIZE_BUDGET_MS"),
        ("MERCATO_SAGA_FAILURE_MS", "60001", "MERCATO_SAGA_FAILURE_CAP_MS"),
        ("MERCATO_RESERVATION_TTL_MS", "209999", "MERCATO_STOCK_BUDGET_MS"),
        ("MERCATO_AUTHORIZE_BUDGET_MS", "800000", "MERCATO_RESERVATION_TTL_MS"),
    ])
    func `time-outs that contradict each other are named, both`(
        key: String, value: String, other: String
    ) {
        let refusal = refusal([key: value])
        #expect(refusal.contains(key))
        #expect(refusal.contains(other))
    }

    @Test func `the pace after a budget is configuration`() throws {
        let policy = try read([
            "MERCATO_CAPTURE_AFTER_BUDGET_MS": "700", "MERCATO_COMPENSATION_AFTER_BUDGET_MS": "800",
        ]).policy
        #expect(policy.capture.afterBudget == .milliseconds(700))
        #expect(policy.compensation.afterBudget == .milliseconds(800))
    }
}
