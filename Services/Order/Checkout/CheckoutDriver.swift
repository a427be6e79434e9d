package import Basics
import Contracts
package import Messaging
package import Postgres
import Saga
package import Telemetry

/// Carries the transition function's decisions out: loads the saga under its row lock, asks
/// `CheckoutSaga`, writes log, instance, steps, timeline and outbox in the same transaction.
package struct CheckoutDriver: Sendable {
    private let store = SagaStore(type: CheckoutSaga.type)
    private let policy: CheckoutPolicy
    private let commands: CheckoutCommands
    private let outbox: Outbox
    private let logger: Logger
    private let random: RandomSource
    private let tracer: Tracer
    private let changed: @Sendable (OrderID) -> Void
    private let metrics: CheckoutMetrics

    /// `changed` is called after each commit that added to an order's timeline.
    package init(
        policy: CheckoutPolicy, outbox: Outbox, logger: Logger, metrics: MetricsRegistry,
        random: RandomSource = .system, tracer: Tracer = .disabled,
        changed: @escaping @Sendable (OrderID) -> Void
    ) {
        self.policy = policy
        commands = CheckoutCommands(policy: policy)
        self.outbox = outbox
        self.logger = logger
        self.random = random
        self.tracer = tracer
        self.changed = changed
        self.metrics = CheckoutMetrics(metrics)
    }

    /// The rows and the first command of a new order's saga.
    package func begin(_ order: Order, cause: UniqueID, traceparent: String?) throws -> [Statement]
    {
        let schedule = SagaMove.Schedule(
            nextAttempt: policy.stock.attempt, deadline: policy.stock.budget)
        let reserve = try commands.message(
            for: .reserve, of: order, sequence: 1, cause: cause, traceparent: traceparent)
        return store.begin(
            order.id, in: CheckoutState.reserving.rawValue, opening: .reserve, schedule: schedule,
            traceparent: traceparent)
            + OrderStore.record(
                [.init(CheckoutPlan.EntryType.placed, ["total": "\(order.total)"])], of: order.id)
            + [Outbox.statement(for: reserve)]
    }

    /// A reply arrived. Its inbox row is already in the transaction.
    package func receive(_ message: IncomingMessage, in transaction: Transaction) async throws {
        let envelope = message.envelope
        guard let (saga, order) = try await load(envelope.orderID, in: transaction) else {
            throw Poison(.invariant, code: "unknown_order", "no saga of order \(envelope.orderID)")
        }
        let reply = try CheckoutReply.read(message)
        if reply.event != .reservationExpired {
            switch Correlation.judge(envelope, against: saga) {
            case .current: break
            case .late:
                return try await countLate(envelope, in: transaction)
            case .contradiction(let detail):
                throw Poison(.invariant, code: "step_mismatch", detail)
            }
        }
        let state = try Self.state(of: saga)
        let decision = CheckoutSaga.decide(state, reply.event, open: saga.openSteps)
        try await carryOut(
            decision, reply.event, saga, order, cause: envelope.messageID, replyCode: reply.code,
            detail: reply.detail, step: envelope.step, in: transaction)
    }

    /// A timer fired; the row is locked, or the saga is somebody else's just now.
    ///
    /// Until the replies' consumer has read what was waiting for it, an overdue step is only asked
    /// again: its answer may be in the topic. False when there was nothing to do.
    @discardableResult
    package func tick(_ orderID: OrderID, mayJudgeBudget: Bool, in transaction: Transaction)
        async throws -> Bool
    {
        guard let (saga, order) = try await load(orderID, dueOnly: true, in: transaction) else {
            return false
        }
        let event: CheckoutEvent =
            saga.isPastDeadline && mayJudgeBudget ? .budgetOver : .retryTimer
        let decision = CheckoutSaga.decide(
            try Self.state(of: saga), event, open: saga.openSteps)
        // Timers run outside of any request; what they do belongs to the order's trace.
        try await tracer.withSpan(
            "saga timer", resuming: saga.traceparent,
            attributes: [
                "mercato.order_id": .string("\(order.id)"), "mercato.saga.event": .string("\(event)"),
                "mercato.saga.state": .string(saga.state),
            ]
        ) {
            try await carryOut(
                decision, event, saga, order, cause: nil, replyCode: "", detail: [:], step: nil,
                in: transaction)
        }
        return true
    }

    private func load(
        _ orderID: OrderID, dueOnly: Bool = false, in transaction: Transaction
    ) async throws -> (SagaSnapshot, Order)? {
        let loaded = try await store.load(
            orderID, dueOnly: dueOnly, also: OrderStore.headAndLines(orderID), in: transaction)
        guard let loaded, let (order, _) = try OrderStore.order(from: loaded.others) else {
            return nil
        }
        return (loaded.saga, order)
    }

    private static func state(of saga: SagaSnapshot) throws -> CheckoutState {
        guard let state = CheckoutState(rawValue: saga.state) else {
            throw Poison(
                .invariant, code: "unknown_state", "saga \(saga.orderID) is in '\(saga.state)'")
        }
        return state
    }

    private func carryOut(
        _ decision: CheckoutDecision, _ event: CheckoutEvent, _ saga: SagaSnapshot, _ order: Order,
        cause: UniqueID?, replyCode: String, detail: [String: String], step: Step?,
        in transaction: Transaction
    ) async throws {
        switch decision {
        case .late, .acknowledge:
            if let step { _ = try await transaction.execute(store.countLate(step, of: order.id)) }
        case .contradiction:
            throw Poison(
                .invariant, code: "contradiction",
                "\(event) cannot happen while the saga of \(order.id) is \(saga.state)")
        case .resend:
            try await resend(saga, order, parking: nil, in: transaction)
        case .park(let reason, let resending):
            logger.error(
                "saga parked",
                ["order_id": .string("\(order.id)"), "reason": .string(reason.rawValue)])
            if resending {
                try await resend(saga, order, parking: reason, in: transaction)
            } else {
                _ = try await transaction.execute(store.park(order.id, reason: reason.rawValue))
            }
        case .refundDue(closing: nil):
            logger.error("refund due", ["order_id": .string("\(order.id)")])
            _ = try await transaction.execute(
                store.park(order.id, reason: ParkReason.refundDue.rawValue))
        case .advance, .confirm, .cancel, .compensate, .undone, .refundDue:
            guard
                let plan = CheckoutPlan.make(
                    decision, event, saga: saga, causeMessageID: cause, replyCode: replyCode,
                    detail: detail, policy: policy)
            else { return }
            try await write(plan, saga, order, cause: cause ?? .v7(using: random), in: transaction)
        }
    }

    private func write(
        _ plan: CheckoutPlan, _ saga: SagaSnapshot, _ order: Order, cause: UniqueID,
        in transaction: Transaction
    ) async throws {
        try await inTransition(of: order.id, from: saga.state, to: plan.move.to) {
            try await writeRows(plan, saga, order, cause: cause, in: transaction)
        }
    }

    /// Runs `body` in the span of a transition: commands that are made in it are its children. States
    /// are few and fixed, so they may stand in the name.
    package func inTransition<Value>(
        of order: OrderID, from: String, to: String, _ body: () async throws -> Value
    ) async rethrows -> Value {
        try await tracer.withSpanInside(
            "saga \(from) to \(to)",
            attributes: [
                "mercato.order_id": .string("\(order)"), "mercato.saga.from": .string(from),
                "mercato.saga.to": .string(to), "mercato.saga.type": .string(CheckoutSaga.type),
            ], body)
    }

    private func writeRows(
        _ plan: CheckoutPlan, _ saga: SagaSnapshot, _ order: Order, cause: UniqueID,
        in transaction: Transaction
    ) async throws {
        var statements = store.apply(plan.move, to: saga)
        for step in plan.sends {
            let message = try commands.message(
                for: step, of: order, sequence: saga.version + 1, cause: cause,
                traceparent: saga.traceparent)
            statements.append(Outbox.statement(for: message))
        }
        if let announcement = plan.announcement {
            let message = try commands.announcement(
                announcement, of: order, cause: cause, traceparent: saga.traceparent)
            statements.append(Outbox.statement(for: message))
        }
        statements += OrderStore.record(plan.timeline, of: order.id)
        _ = try await transaction.pipeline(statements)
        outbox.wakeAfter(transaction)
        let (changed, metrics) = (changed, metrics)
        let (orderID, move) = (order.id, plan.move)
        transaction.afterCommit {
            metrics.moved(saga, move)
            changed(orderID)
        }
    }

    private func resend(
        _ saga: SagaSnapshot, _ order: Order, parking reason: ParkReason?,
        in transaction: Transaction
    ) async throws {
        let steps = saga.openSteps.sorted { $0.rawValue < $1.rawValue }
        guard let first = steps.first else { return }
        // Tries count the sends of this state, so they drive the backoff.
        let wait = policy.policy(for: first).wait(
            afterSend: saga.tries + 2, overBudget: saga.isPastDeadline && reason != nil,
            random: random)
        var statements = store.resend(saga, wait: wait, parkedReason: reason?.rawValue)
        for step in steps {
            guard let record = saga.steps[step] else { continue }
            let message = try commands.message(
                for: step, of: order, sequence: record.sequence, cause: .v7(using: random),
                traceparent: saga.traceparent)
            statements.append(Outbox.statement(for: message))
        }
        _ = try await transaction.pipeline(statements)
        outbox.wakeAfter(transaction)
        let metrics = metrics
        transaction.afterCommit { metrics.resent(steps) }
        logger.info(
            "step sent again",
            [
                "order_id": .string("\(order.id)"), "state": .string(saga.state),
                "tries": .init(saga.tries + 1),
            ])
    }

    private func countLate(_ envelope: Envelope, in transaction: Transaction) async throws {
        guard let step = envelope.step else { return }
        _ = try await transaction.execute(store.countLate(step, of: envelope.orderID))
    }
}
