import Basics
import Contracts
import Messaging

/// The domain's answers in the words of the contract.
extension ReservationAnswer {
    /// The reply to a command: same order, step and step sequence.
    func message(to command: Envelope, random: RandomSource) throws -> OutgoingMessage {
        switch self {
        case .reserved:
            try .reply(InventoryReplies.Reserved(), to: command, random: random)
        case .reserveRejected(.noStock(let sku, let available, _)):
            try .reply(
                InventoryReplies.ReserveRejected(reason: .noStock, sku: sku, available: available),
                to: command, random: random)
        case .reserveRejected(.unknownSKU(let sku)):
            try .reply(
                InventoryReplies.ReserveRejected(reason: .unknownSKU, sku: sku), to: command,
                random: random)
        case .reserveClosed:
            try .reply(
                InventoryReplies.ReserveRejected(reason: .closed), to: command, random: random)
        case .stockCommitted:
            try .reply(InventoryReplies.StockCommitted(), to: command, random: random)
        case .commitRejected(let refusal):
            try .reply(
                InventoryReplies.CommitRejected(reason: refusal.rawValue), to: command,
                random: random)
        case .released(.released):
            try .reply(
                InventoryReplies.Released(outcome: .released), to: command, random: random)
        case .released(.nothing):
            try .reply(InventoryReplies.Released(outcome: .nothing), to: command, random: random)
        case .released(.restocked):
            try .reply(
                InventoryReplies.Released(outcome: .restocked), to: command, random: random)
        case .reservationExpired:
            // Never an answer to a command; as a hint it carries no step (correctness.md §2).
            try .notice(
                InventoryReplies.ReservationExpired(), to: Topics.orderReplies,
                orderID: command.orderID, cause: command.messageID,
                traceparent: command.traceparent, random: random)
        }
    }

    /// The label of the metric.
    var name: String {
        switch self {
        case .reserved: "reserved"
        case .reserveRejected(.noStock): "no_stock"
        case .reserveRejected(.unknownSKU): "unknown_sku"
        case .reserveClosed: "closed"
        case .stockCommitted: "committed"
        case .commitRejected: "commit_rejected"
        case .released: "released"
        case .reservationExpired: "expired"
        }
    }
}
