package import Basics
import Contracts
package import Messaging
package import Postgres
package import Telemetry

/// Handles `inventory.commands.v1`: decode, lock, decide, write, answer, all in the transaction that
/// already holds the message's inbox row (D4).
package struct InventoryCommandHandler: MessageHandler {
    /// The most lines of one order. A cart holds fewer.
    package static let linesMax = 200
    /// The most pieces of one line.
    package static let quantityMax: Int64 = 1_000_000
    /// The longest hold, in seconds.
    package static let ttlSecondsMax: Int64 = 86_400

    private struct Answered: Hashable, Sendable {
        let command: String
        let answer: String
    }

    private let store: ReservationStore
    private let answers: CounterFamily<Answered>
    private let random: RandomSource

    package init(store: ReservationStore, metrics: MetricsRegistry, random: RandomSource = .system)
    {
        self.store = store
        answers = CounterFamily(
            metrics, "mercato_inventory_commands_total",
            help: "Commands handled, by what was answered."
        ) { ["command": $0.command, "answer": $0.answer] }
        self.random = random
    }

    package func handle(_ message: IncomingMessage, in transaction: Transaction) async throws {
        let envelope = message.envelope
        switch envelope.type {
        case InventoryCommands.Reserve.type:
            try check(envelope, is: InventoryCommands.Reserve.step)
            let command = try message.decode(InventoryCommands.Reserve.self)
            let lines = try Self.lines(of: command)
            let locked = try await store.lock(envelope.orderID, asking: lines, in: transaction)
            try await carryOut(
                .reserve(lines: lines, linesHash: command.linesHash), on: locked, envelope,
                ttlSeconds: command.ttlSeconds, in: transaction)
        case InventoryCommands.CommitStock.type:
            try check(envelope, is: InventoryCommands.CommitStock.step)
            _ = try message.decode(InventoryCommands.CommitStock.self)
            let locked = try await store.lock(envelope.orderID, in: transaction)
            try await carryOut(.commitStock, on: locked, envelope, in: transaction)
        case InventoryCommands.Release.type:
            try check(envelope, is: InventoryCommands.Release.step)
            _ = try message.decode(InventoryCommands.Release.self)
            let locked = try await store.lock(envelope.orderID, in: transaction)
            try await carryOut(.release, on: locked, envelope, in: transaction)
        default:
            throw Poison(
                .undecodable, code: "unknown_type", "no command '\(envelope.type)' is known here")
        }
    }

    private func carryOut(
        _ command: ReservationCommand, on locked: ReservationStore.Locked, _ envelope: Envelope,
        ttlSeconds: Int64? = nil, in transaction: Transaction
    ) async throws {
        let answer: ReservationAnswer
        switch locked.reservation.state.decide(command, stock: locked.stock) {
        case .change(let next, let move, let reply):
            answer = reply
            let change = ReservationStore.Change(
                to: next, move: move, cause: envelope.messageID, ttlSeconds: ttlSeconds,
                message: try reply.message(to: envelope, random: random))
            try await store.write(change, to: locked, in: transaction)
        case .answer(let reply):
            answer = reply
            try await store.answer(
                try reply.message(to: envelope, random: random), in: transaction)
        case .ignore:
            return
        case .contradiction(let contradiction):
            throw Poison(
                .invariant, code: contradiction.rawValue,
                "order \(envelope.orderID) is \(locked.reservation.state.status)")
        }
        let counter = answers[Answered(command: envelope.type, answer: answer.name)]
        transaction.afterCommit { counter.increment() }
    }

    /// A command that names another step than its own would be answered into the wrong step.
    private func check(_ envelope: Envelope, is step: Step) throws {
        guard envelope.step == step, envelope.stepSequence != nil else {
            throw Poison(
                .invariant, code: "step_mismatch",
                "\(envelope.type) must name step \(step.rawValue)")
        }
    }

    /// The command's lines in SKU order, each within its bounds and each SKU once.
    static func lines(of command: InventoryCommands.Reserve) throws -> [ReservationLine] {
        func poison(_ detail: String) -> Poison {
            Poison(.undecodable, code: "invalid_reserve", detail)
        }
        guard (1...linesMax).contains(command.lines.count) else {
            throw poison("between 1 and \(linesMax) lines are allowed")
        }
        guard (1...128).contains(command.linesHash.utf8.count) else {
            throw poison("lines_hash must have 1 to 128 bytes")
        }
        guard (1...ttlSecondsMax).contains(command.ttlSeconds) else {
            throw poison("ttl_seconds must be between 1 and \(ttlSecondsMax)")
        }
        let lines = command.lines
            .map { ReservationLine(sku: $0.sku, quantity: Int64($0.quantity)) }
            .sorted { $0.sku < $1.sku }
        guard lines.allSatisfy({ (1...quantityMax).contains($0.quantity) }) else {
            throw poison("a quantity must be between 1 and \(quantityMax)")
        }
        guard zip(lines, lines.dropFirst()).allSatisfy({ $0.sku != $1.sku }) else {
            throw poison("a SKU may appear once only")
        }
        return lines
    }
}
