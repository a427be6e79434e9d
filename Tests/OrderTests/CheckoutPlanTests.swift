import Basics
import Contracts
import OrderService
import Saga
import Testing

@Suite struct CheckoutPlanTests {
    private func saga(
        _ state: CheckoutState, open: Set<Step>, reason: CancelReason? = nil, cancel: Bool = false
    ) -> SagaSnapshot {
        SagaSnapshot(
            orderID: OrderID(.v7(milliseconds: 1, random: .seeded(1))), type: CheckoutSaga.type,
            state: state.rawValue, version: 5, openSteps: open, cancelRequested: cancel,
            reason: reason?.rawValue)
    }

    private func plan(_ event: CheckoutEvent, _ saga: SagaSnapshot) throws -> CheckoutPlan? {
        let state = try #require(CheckoutState(rawValue: saga.state))
        return CheckoutPlan.make(
            CheckoutSaga.decide(state, event, open: saga.openSteps), event, saga: saga,
            causeMessageID: .v7(milliseconds: 2, random: .seeded(2)), replyCode: "code",
            detail: [:], policy: CheckoutPolicy())
    }

    @Test func `a forward step closes the open one and opens the next`() throws {
        let plan = try #require(try plan(.reserved, saga(.reserving, open: [.reserve])))
        #expect(plan.sends == [.authorize])
        #expect(plan.move.openSteps == [.authorize])
        #expect(plan.move.closes == [.init(.reserve, .ok, replyCode: "code")])
        #expect(plan.move.schedule?.deadline == CheckoutPolicy().authorize.budget)
        #expect(plan.timeline.map(\.type) == ["StockReserved"])
    }

    @Test func `the capture confirms and tells the world`() throws {
        let plan = try #require(try plan(.captured, saga(.capturing, open: [.capture])))
        #expect(plan.announcement == .confirmed)
        #expect(plan.move.schedule == nil)
        #expect(plan.timeline.map(\.type) == ["PaymentCaptured", "OrderConfirmed"])
    }

    @Test func `a wish to cancel that came too late leaves a flag`() throws {
        let plan = try #require(
            try plan(.captured, saga(.capturing, open: [.capture], cancel: true)))
        #expect(plan.move.parkedReason == ParkReason.refundRequested.rawValue)
        #expect(plan.announcement == .confirmed)
    }

    @Test func `the last compensation ends the saga with the first reason`() throws {
        let both = saga(.compensating, open: [.void, .release], reason: .timedOut)
        let first = try #require(try plan(.voided, both))
        #expect(first.move.to == "COMPENSATING")
        #expect(first.move.openSteps == [.release])
        #expect(first.announcement == nil)
        let one = saga(.compensating, open: [.release], reason: .paymentDeclined)
        let last = try #require(try plan(.released, one))
        #expect(last.move.to == "CANCELLED")
        #expect(last.announcement == .cancelled(.paymentDeclined))
        #expect(last.move.schedule == nil)
    }

    @Test func `a refusal is stored as the answer, a given-up step as abandoned`() throws {
        let refused = try #require(try plan(.authDeclined, saga(.authorizing, open: [.authorize])))
        #expect(refused.move.closes == [.init(.authorize, .refused, replyCode: "code")])
        let given = CheckoutPlan.make(
            .compensate([.void, .release], .timedOut), .budgetOver,
            saga: saga(.authorizing, open: [.authorize]), causeMessageID: nil, replyCode: "",
            detail: [:], policy: CheckoutPolicy())
        #expect(given?.move.closes == [.init(.authorize, .undone, replyCode: "abandoned")])
        #expect(given?.sends == [.void, .release])
    }

    @Test func `money taken too late marks the saga for a refund`() throws {
        let both = saga(.compensating, open: [.void, .release], reason: .timedOut)
        let plan = try #require(try plan(.captured, both))
        #expect(plan.move.parkedReason == ParkReason.refundDue.rawValue)
        #expect(plan.move.openSteps == [.release])
    }

    @Test func `what changes no state makes no plan`() throws {
        #expect(try plan(.retryTimer, saga(.reserving, open: [.reserve])) == nil)
        #expect(try plan(.reserved, saga(.capturing, open: [.capture])) == nil)
        #expect(try plan(.captured, saga(.reserving, open: [.reserve])) == nil)
    }
}
