package import Basics

/// One order of a run: what was wanted, what the customer saw, and what the books say in the end.
/// All times count from the first order on.
package struct ChaosOrder: Sendable, Equatable {
    package enum End: Sendable, Hashable {
        case confirmed
        case cancelled(reason: String)
        /// There is an order, and it is neither confirmed nor cancelled.
        case open
        /// No service has an order under this key.
        case neverPlaced
    }

    package let intent: OrderIntent
    package let intended: Duration
    package let customer: UniqueID
    /// Its Idempotency-Key, the same for each of the customer's tries.
    package let key: String
    package var orderID: String?
    /// When the customer knew that the order was accepted.
    package var accepted: Duration?
    /// When the customer saw its final state.
    package var decided: Duration?
    /// When the customer had seen the end, or had lost patience.
    package var left: Duration
    package var end = End.neverPlaced
    /// Set when the books contradict what the customer was told.
    package var contradiction: String?

    package init(
        intent: OrderIntent, intended: Duration, customer: UniqueID, key: String, left: Duration
    ) {
        self.intent = intent
        self.intended = intended
        self.customer = customer
        self.key = key
        self.left = left
    }

    /// Whether it was placed, or still under way, at some time within the window.
    package func isUnderWay(in window: ClosedRange<Duration>) -> Bool {
        intended <= window.upperBound && left >= window.lowerBound
    }

    /// The books have the last word: a customer who lost patience may have an order all the same.
    package func settled(by books: AuditState.KeyedOrders) -> ChaosOrder {
        var result = self
        guard let found = books.order(customer: customer, key: key) else {
            if accepted != nil { result.contradiction = "it was accepted, but the books lack it" }
            result.end = .neverPlaced
            return result
        }
        result.orderID = found.id.description
        switch (found.state, end) {
        case ("CONFIRMED", .cancelled):
            result.contradiction = "the customer was told it is cancelled, the books say CONFIRMED"
            result.end = .confirmed
        case ("CANCELLED", .confirmed):
            result.contradiction = "the customer was told it is confirmed, the books say CANCELLED"
            result.end = .cancelled(reason: "")
        case ("CONFIRMED", _): result.end = .confirmed
        case ("CANCELLED", .cancelled): break
        case ("CANCELLED", _): result.end = .cancelled(reason: "")
        default: result.end = .open
        }
        return result
    }
}

extension ChaosOrder.End {
    /// As reports name it.
    package var text: String {
        switch self {
        case .confirmed: "confirmed"
        case .cancelled(let reason): reason.isEmpty ? "cancelled" : "cancelled (\(reason))"
        case .open: "unfinished"
        case .neverPlaced: "not placed"
        }
    }
}

extension AuditState {
    /// Orders by what their customer knows: who they are, and the key they chose.
    package struct KeyedOrders: Sendable {
        private struct Name: Hashable {
            let customer: UniqueID
            let key: String
        }
        private var orders: [Name: (id: UniqueID, state: String)] = [:]

        package init(_ state: AuditState) {
            let checkouts = state.checkoutStates
            for row in state.keys {
                orders[Name(customer: row.principal, key: row.key)] =
                    (row.order, checkouts[row.order] ?? "")
            }
        }

        func order(customer: UniqueID, key: String) -> (id: UniqueID, state: String)? {
            orders[Name(customer: customer, key: key)]
        }
    }
}
