package import Basics

/// What all services and the provider have on their books, typed. Column names are those of
/// correctness.md §3.
package struct AuditState: Sendable, Equatable {
    package var orders: [UniqueID: Order] = [:]
    package var orderLines: [UniqueID: [String: Int64]] = [:]
    package var sagas: [Saga] = []
    package var sagaLog: [SagaTransition] = []
    package var keys: [KeyRow] = []
    package var stock: [String: Stock] = [:]
    package var moves: [Move] = []
    package var reservations: [UniqueID: Reservation] = [:]
    package var reservationLines: [UniqueID: [String: Int64]] = [:]
    package var payments: [UniqueID: Payment] = [:]
    package var operations: [Operation] = []
    package var transfers: [Transfer] = []
    package var journal: [JournalLine] = []
    /// Rows that the relays have not published yet, by service.
    package var unpublished: [String: Int64] = [:]
    /// Dead letters that nobody has settled yet: their number by service and error class.
    package var deadLetters: [String: [String: Int]] = [:]

    package init() {}

    package struct Order: Sendable, Equatable {
        package var id: UniqueID
        package var customer: UniqueID
        /// The Idempotency-Key.
        package var key: String
        package var total: Int64
        package var currency: String
    }

    package struct Saga: Sendable, Equatable {
        package var order: UniqueID
        package var type: String
        package var state: String
        package var version: Int64
        package var parkedReason: String?

        package var isTerminal: Bool { Self.terminal.contains(state) }
        package static let terminal: Set<String> = ["CONFIRMED", "CANCELLED", "REFUNDED"]
    }

    package struct SagaTransition: Sendable, Equatable {
        package var order: UniqueID
        package var type: String
        package var seq: Int64
        package var from: String
        package var to: String
    }

    package struct KeyRow: Sendable, Equatable {
        package var principal: UniqueID
        package var key: String
        package var order: UniqueID
    }

    package struct Stock: Sendable, Equatable {
        package var onHand: Int64
        package var held: Int64
        package var version: Int64
    }

    package struct Move: Sendable, Equatable {
        package var sku: String
        package var seq: Int64
        package var order: UniqueID?
        package var kind: String
        package var quantity: Int64
        package var onHandAfter: Int64
        package var heldAfter: Int64
    }

    package struct Reservation: Sendable, Equatable {
        package var order: UniqueID
        package var status: String
    }
}
