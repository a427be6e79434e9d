/// One thing that is wrong.
package struct Finding: Sendable, Hashable {
    /// The invariant's number in correctness.md §4.
    package let invariant: Int
    /// The order, product or key at fault.
    package let id: String
    package let detail: String

    package init(_ invariant: Int, _ id: String, _ detail: String) {
        self.invariant = invariant
        self.id = id
        self.detail = detail
    }
}

/// One invariant as a pure function over the books.
package struct Invariant: Sendable {
    package let number: Int
    package let title: String
    package let verify: @Sendable (AuditState) -> [Finding]

    package init(
        _ number: Int, _ title: String, _ verify: @escaping @Sendable (AuditState) -> [Finding]
    ) {
        self.number = number
        self.title = title
        self.verify = verify
    }

    /// All that `mercatoctl check` verifies, by number.
    package static let all: [Invariant] = [
        oneCapture, noMoneyWithoutGoods, noGoodsWithoutMoney, ledgerMatchesProvider,
        noDanglingHold, stockConservation, noOrphanHold, heldMatchesReservations, noOversell,
        liveness, legalPath, oneKeyOneOrder,
    ]
}
