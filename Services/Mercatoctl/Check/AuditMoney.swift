package import Basics

extension AuditState {
    package struct Payment: Sendable, Equatable {
        package var order: UniqueID
        package var status: String
        package var captured: Int64
        package var voided: Bool
    }

    package struct Operation: Sendable, Equatable {
        package var order: UniqueID
        package var kind: String
        package var attempt: Int64
        package var state: String
        package var providerKey: String

        /// Whether its outcome is still being found out.
        package var isOpen: Bool { state == "INTENT" || state == "UNKNOWN" }
    }

    package struct Transfer: Sendable, Equatable {
        package var order: UniqueID
        package var code: String
        package var debit: String
        package var credit: String
        package var amount: Int64
        package var currency: String
    }

    /// A line of the provider's journal, which is the ground truth for money.
    package struct JournalLine: Sendable, Equatable {
        package var seq: Int64
        package var key: String
        /// The order's id as text, as Payment sends it; another merchant's could be anything.
        package var reference: String
        package var kind: String
        package var outcome: String
        package var amount: Int64
        package var currency: String
        package var providerRef: String?
        /// The authorization that a capture or void belongs to.
        package var authorization: String?

        package var isApproval: Bool { kind == "authorize" && outcome == "approved" }
        package var isCapture: Bool { kind == "capture" && outcome == "captured" }
        package var isVoid: Bool { kind == "void" && outcome == "voided" }
        package var isRefund: Bool { kind == "refund" && outcome == "refunded" }
    }

    /// The order that a journal line belongs to.
    package func order(of line: JournalLine) -> Order? {
        UniqueID(line.reference).flatMap { orders[$0] }
    }

    /// Successful captures by merchant reference.
    package var captures: [String: [JournalLine]] {
        Dictionary(grouping: journal.filter(\.isCapture), by: \.reference)
    }

    /// State of the checkout saga by order.
    package var checkoutStates: [UniqueID: String] {
        Dictionary(
            sagas.filter { $0.type == Self.checkout }.map { ($0.order, $0.state) },
            uniquingKeysWith: { first, _ in first })
    }

    package static let checkout = "checkout"
}
