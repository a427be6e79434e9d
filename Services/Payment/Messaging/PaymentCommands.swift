import Basics
import Contracts
import Messaging
import Postgres
import Telemetry

/// `payment.commands.v1`: command in; intent, tombstone or known answer out. In one transaction
/// with the inbox row, and never with a call to the provider (D12): that is the runner's work.
///
/// A duplicate under a new message id gets the stored answer again (D4); it is derived from the
/// command and the state, so no answer has to be kept.
struct PaymentCommandHandler: MessageHandler {
    let payments: PaymentStore
    let outbox: Outbox
    let random: RandomSource
    /// Wakes the runner; called after the commit.
    let wakeRunner: @Sendable () -> Void

    /// A first touch can lose the race for the row at most once: then the row exists for good.
    private static let touchesMax = 3

    func handle(_ message: IncomingMessage, in transaction: Transaction) async throws {
        let request = try CommandRequest(message)
        for _ in 0..<Self.touchesMax {
            if try await apply(request, in: transaction) { return }
        }
        throw Poison(.exhausted, code: "first_touch_lost", "the payment's row came and went")
    }

    /// False when another transaction made the row first: look again.
    private func apply(_ request: CommandRequest, in transaction: Transaction) async throws -> Bool {
        let order = request.order
        let row = try await payments.lock(order, in: transaction)
        let state = row?.state ?? .none
        switch PaymentTransition.step(state, request.command) {
        case .answer(let reply):
            try await answer(request, reply, in: transaction)
        case .wait:
            // The call under way answers; make sure that somebody works on it.
            transaction.afterCommit(wakeRunner)
        case .wantVoid:
            _ = try await transaction.execute(
                PaymentStore.wantVoid(order, request.reference))
        case .close(let reply):
            guard
                let columns = PaymentColumns(.voided(nil, reference: nil, reason: nil)),
                try await payments.insert(order, columns, operation: nil, in: transaction)
            else { return false }
            try await answer(request, reply, in: transaction)
        case .begin(let kind):
            guard try await begin(kind, request, state, in: transaction) else { return false }
            transaction.afterCommit(wakeRunner)
        case .contradiction(let code):
            throw Poison(
                .invariant, code: code, "order \(order) is \(state.name) for \(request.name)")
        }
        return true
    }

    private func answer(
        _ request: CommandRequest, _ reply: PaymentReply, in transaction: Transaction
    ) async throws {
        let message = try ReplyMessages.message(
            reply, to: request.reference, order: request.order, random: random)
        try await outbox.append([message], in: transaction)
    }

    private func begin(
        _ kind: OperationKind, _ request: CommandRequest, _ state: PaymentState,
        in transaction: Transaction
    ) async throws -> Bool {
        let body = try ProviderRequest.body(
            kind, order: request.order, state: state, command: request.command,
            cardToken: request.cardToken)
        let operation = NewOperation(
            id: .v7(using: random), kind: kind, attempt: 1, request: body,
            command: request.reference)
        let next: PaymentState
        switch (kind, state) {
        case (.authorize, _):
            guard case .authorize(let terms) = request.command,
                let columns = PaymentColumns(.authorizing(terms, voidWanted: false))
            else { return false }
            return try await payments.insert(
                request.order, columns, operation: operation, in: transaction)
        case (.capture, .authorized(let terms, let reference)):
            next = .capturing(terms, reference: reference, voidWanted: false)
        case (.void, .authorized(let terms, let reference)):
            next = .voiding(terms, reference: reference, reason: nil)
        case (.void, .captureFailed(let terms, let reference, let reason)):
            next = .voiding(terms, reference: reference, reason: reason)
        case (.capture, _), (.void, _), (.refund, _):
            throw Poison(
                .invariant, code: "operation_unavailable",
                "\(kind.rawValue) cannot begin while order \(request.order) is \(state.name)")
        }
        guard let columns = PaymentColumns(next) else { return false }
        _ = try await transaction.pipeline([
            PaymentStore.save(request.order, columns),
            OperationStore.insert(request.order, operation),
        ])
        return true
    }
}

/// A command past its decoder.
struct CommandRequest: Sendable {
    let name: String
    let order: OrderID
    let command: PaymentCommand
    let cardToken: String?
    let reference: CommandReference

    /// The longest card token accepted, in bytes.
    static let cardTokenMax = 128

    init(_ message: IncomingMessage) throws {
        let envelope = message.envelope
        name = envelope.type
        order = envelope.orderID
        var token: String?
        let expected: Step
        switch envelope.type {
        case PaymentCommands.Authorize.type:
            let body = try message.decode(PaymentCommands.Authorize.self)
            guard body.amountMinor > 0 else {
                throw Poison(.invariant, code: "amount_not_positive", "Authorize without money")
            }
            guard !body.cardToken.isEmpty, body.cardToken.utf8.count <= Self.cardTokenMax else {
                throw Poison(
                    .undecodable, code: "card_token_length", "the card token is empty or too long")
            }
            token = body.cardToken
            expected = PaymentCommands.Authorize.step
            command = .authorize(Terms(customer: body.customerID, total: body.total))
        case PaymentCommands.Capture.type:
            _ = try message.decode(PaymentCommands.Capture.self)
            expected = PaymentCommands.Capture.step
            command = .capture
        case PaymentCommands.Void.type:
            _ = try message.decode(PaymentCommands.Void.self)
            expected = PaymentCommands.Void.step
            command = .void
        case "Refund":
            throw Poison(
                .invariant, code: "refund_unsupported",
                "refunds are parked: this build has no refund saga that could end them")
        default:
            throw Poison(.undecodable, code: "unknown_command", "type \(envelope.type)")
        }
        guard envelope.step == expected, let sequence = envelope.stepSequence else {
            throw Poison(.undecodable, code: "wrong_step", "\(envelope.type) without its step")
        }
        cardToken = token
        reference = CommandReference(
            messageID: envelope.messageID, step: expected.rawValue, stepSequence: sequence,
            // The runner goes on with this place in the trace, perhaps in another process.
            traceparent: TraceContext.current?.traceparent ?? envelope.traceparent)
    }
}

extension PaymentState {
    /// For messages to operators.
    var name: String { PaymentColumns(self)?.status ?? "NONE" }
}
