import Basics
import Messaging
import Postgres
import Resilience

/// The second transaction of an operation (D12): outcome, ledger transfers, the payment's new state
/// and the replies, together or not at all.
struct OperationSettler: Sendable {
    let pool: Pool
    let payments: PaymentStore
    let outbox: Outbox
    let random: RandomSource
    /// The wait before a fenced operation's next attempt.
    let backoff: Backoff
    let wakeRunner: @Sendable () -> Void

    /// False when the operation was settled before, by another process or by an earlier try whose
    /// commit was in doubt: its outcome is the same, because its key is.
    ///
    /// - Throws: `Contradiction` when the outcome cannot be true, and `PostgresError`.
    @discardableResult
    func settle(_ operation: ClaimedOperation, _ outcome: CallOutcome) async throws -> Bool {
        try await pool.transaction(.init("settle operation")) { transaction in
            let found = try await transaction.pipeline([
                PaymentStore.lock(operation.order), OperationStore.lockOpen(operation.id),
            ])
            guard let open = found[1].rows.first else { return false }
            guard let row = try found[0].rows.first.map(PaymentRow.init) else {
                throw Contradiction(code: "operation_without_payment")
            }
            if outcome == .pending, try open.boolean("is_pending") { return false }
            let settlement = try PaymentTransition.settle(row.state, operation.kind, outcome)
            _ = try await transaction.pipeline(
                try statements(operation, outcome, settlement, row))
            outbox.wakeAfter(transaction)
            if settlement.next != nil { transaction.afterCommit(wakeRunner) }
            return true
        }
    }

    private func statements(
        _ operation: ClaimedOperation, _ outcome: CallOutcome, _ settlement: Settlement,
        _ row: PaymentRow
    ) throws -> [Statement] {
        let order = operation.order
        var statements = [
            OperationStore.settle(operation.id, outcome) ?? OperationStore.markPending(operation.id)
        ]
        if let state = settlement.state, let columns = PaymentColumns(state) {
            statements.append(PaymentStore.save(order, columns))
        }
        if let total = row.state.terms?.total {
            for code in settlement.transfers {
                statements += LedgerStore.post(
                    code, id: .v7(using: random), order: order, operation: operation.id,
                    total: total)
            }
        }
        switch settlement.next {
        case .attempt:
            statements.append(
                OperationStore.nextAttempt(
                    of: operation, id: .v7(using: random),
                    delay: backoff.delay(attempt: operation.attempt, random: random)))
        case .pendingVoid:
            guard let command = row.pendingVoid, let reference = settlement.state?.authorization
            else { throw Contradiction(code: "void_without_command") }
            statements.append(
                OperationStore.insert(
                    order,
                    NewOperation(
                        id: .v7(using: random), kind: .void, attempt: 1,
                        request: try ProviderRequest.void(order: order, authorization: reference),
                        command: command)))
        case nil:
            break
        }
        return try statements + replies(operation, settlement, row)
    }

    private func replies(
        _ operation: ClaimedOperation, _ settlement: Settlement, _ row: PaymentRow
    ) throws -> [Statement] {
        var replies: [Statement] = []
        func add(_ reply: PaymentReply, to command: CommandReference) throws {
            let message = try ReplyMessages.message(
                reply, to: command, order: operation.order, random: random)
            replies.append(Outbox.statement(for: message))
        }
        if let reply = settlement.reply { try add(reply, to: operation.command) }
        if let reply = settlement.voidReply {
            guard let command = row.pendingVoid else {
                throw Contradiction(code: "void_without_command")
            }
            try add(reply, to: command)
        }
        return replies
    }
}
