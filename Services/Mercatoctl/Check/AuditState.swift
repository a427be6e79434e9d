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

    package init() {}

    package struct Order: Sendable, Equatable {
        package var id: UniqueID
        package var customer: UniqueID
        /// The Idempotency-Key.
        package var key: String
        package var total: Int64
        package var currency: String

        package init(
            id: UniqueID, customer: UniqueID, key: String, total: Int64, currency: String
        ) {
            self.id = id
            self.customer = customer
            self.key = key
            self.total = total
            self.currency = currency
        }
    }

    package struct Saga: Sendable, Equatable {
        package var order: UniqueID
        package var type: String
        package var state: String
        package var version: Int64
        package var parkedReason: String?

        package init(
            order: UniqueID, type: String, state: String, version: Int64, parkedReason: String? = nil
        ) {
            self.order = order
            self.type = type
            self.state = state
            self.version = version
            self.parkedReason = parkedReason
        }

        package var isTerminal: Bool { Self.terminal.contains(state) }
        package static let terminal: Set<String> = ["CONFIRMED", "CANCELLED", "REFUNDED"]
    }

    package struct SagaTransition: Sendable, Equatable {
        package var order: UniqueID
        package var type: String
        package var seq: Int64
        package var from: String
        package var to: String

        package init(order: UniqueID, type: String, seq: Int64, from: String, to: String) {
            self.order = order
            self.type = type
            self.seq = seq
            self.from = from
            self.to = to
        }
    }

    package struct KeyRow: Sendable, Equatable {
        package var principal: UniqueID
        package var key: String
        package var order: UniqueID?

        package init(principal: UniqueID, key: String, order: UniqueID?) {
            self.principal = principal
            self.key = key
            self.order = order
        }
    }

    package struct Stock: Sendable, Equatable {
        package var onHand: Int64
        package var held: Int64
        package var version: Int64

        package init(onHand: Int64, held: Int64, version: Int64) {
            self.onHand = onHand
            self.held = held
            self.version = version
        }
    }

    package struct Move: Sendable, Equatable {
        package var sku: String
        package var seq: Int64
        package var order: UniqueID?
        package var kind: String
        package var quantity: Int64
        package var onHandAfter: Int64
        package var heldAfter: Int64

        package init(
            sku: String, seq: Int64, order: UniqueID?, kind: String, quantity: Int64,
            onHandAfter: Int64, heldAfter: Int64
        ) {
            self.sku = sku
            self.seq = seq
            self.order = order
            self.kind = kind
            self.quantity = quantity
            self.onHandAfter = onHandAfter
            self.heldAfter = heldAfter
        }
    }

    package struct Reservation: Sendable, Equatable {
        package var order: UniqueID
        package var status: String

        package init(order: UniqueID, status: String) {
            self.order = order
            self.status = status
        }
    }
}
