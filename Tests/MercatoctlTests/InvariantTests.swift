import Basics
import Testing

@testable import Mercatoctl

/// Invariant 38, the checker is honest: each broken book is reported by its own check, and by no
/// other.
@Suite struct InvariantTests {
    /// The numbers of the invariants that complain after `damage`.
    private func complaints(_ damage: (inout AuditState) -> Void) -> Set<Int> {
        var state = GoodBooks.state
        damage(&state)
        return Set(CheckReport(state).findings.map(\.invariant))
    }

    @Test func `good books have no findings`() {
        #expect(CheckReport(GoodBooks.state).findings.isEmpty)
    }

    @Test func `the twelve invariants that books can show are all checked`() {
        #expect(Invariant.all.map(\.number) == [1, 2, 3, 4, 6, 11, 12, 13, 14, 17, 18, 22])
    }

    @Test func `1: a second capture of an order is reported`() {
        #expect(complaints { GoodBooks.charge(GoodBooks.confirmed, &$0) } == [1])
    }

    @Test func `1: a capture of another amount than the total is reported`() {
        #expect(complaints { $0.orders[GoodBooks.confirmed]?.total = 2_500 } == [1])
    }

    @Test func `2: a charged order that was cancelled is reported`() {
        #expect(
            complaints { state in
                GoodBooks.charge(GoodBooks.refused, &state)
            } == [2])
    }

    @Test func `2: a charge of an unknown order is reported`() {
        #expect(complaints { GoodBooks.charge(GoodBooks.stranger, &$0) } == [2])
    }

    @Test func `2: a charge of an order without a saga is reported`() {
        let broken = complaints { $0.forget(GoodBooks.confirmed) }
        #expect(broken == [2, 17, 18])
    }

    @Test func `2: a charge that was given back is in order`() {
        #expect(
            complaints { state in
                GoodBooks.charge(GoodBooks.refused, &state)
                GoodBooks.journal(GoodBooks.refused, "refund", "refunded", &state)
                GoodBooks.transfer(
                    GoodBooks.refused, "REFUND", "refunds", "provider_clearing", &state)
            }.isEmpty)
    }

    @Test func `3: a confirmed order that was never charged is reported`() {
        #expect(
            complaints { state in
                let order = GoodBooks.confirmed
                state.journal.removeAll { $0.reference == order.description }
                state.transfers.removeAll { $0.order == order }
            } == [3])
    }

    @Test func `4: a ledger entry that the provider does not know is reported`() {
        #expect(
            complaints { state in
                let order = GoodBooks.stranger
                GoodBooks.transfer(order, "HOLD", "customer_hold", "held_sales", &state)
                GoodBooks.transfer(order, "POST", "provider_clearing", "customer_hold", &state)
            } == [4])
    }

    @Test func `4: the right amount in another currency is reported`() {
        #expect(
            complaints { state in
                for index in state.transfers.indices { state.transfers[index].currency = "USD" }
            } == [4])
    }

    @Test func `6: a ledger hold that nothing resolved is reported`() {
        #expect(
            complaints {
                GoodBooks.transfer(
                    GoodBooks.declined, "HOLD", "customer_hold", "held_sales", &$0)
            } == [6])
    }

    @Test func `6: an authorization that the provider still holds is reported`() {
        #expect(
            complaints {
                GoodBooks.journal(GoodBooks.declined, "authorize", "approved", &$0)
            } == [6])
    }

    @Test func `6: an authorization of an unknown order is reported`() {
        #expect(
            complaints { GoodBooks.journal(GoodBooks.stranger, "authorize", "approved", &$0) }
                == [6])
        #expect(
            complaints { state in
                GoodBooks.journal(GoodBooks.stranger, "authorize", "approved", &state)
                state.journal[state.journal.count - 1].reference = "no id at all"
            } == [6])
    }

    @Test func `6: an authorization of an order without a saga is reported`() {
        let broken = complaints { state in
            state.forget(GoodBooks.refused)
            GoodBooks.journal(GoodBooks.refused, "authorize", "approved", &state)
        }
        #expect(broken == [6, 17, 18])
    }

    @Test func `6: an authorization of an order under way is in order`() {
        #expect(
            complaints { state in
                GoodBooks.path(GoodBooks.stranger, ["RESERVING", "AUTHORIZING"], &state)
                GoodBooks.journal(GoodBooks.stranger, "authorize", "approved", &state)
                GoodBooks.transfer(
                    GoodBooks.stranger, "HOLD", "customer_hold", "held_sales", &state)
            } == [17])
    }

    @Test func `11: a move that does not add up is reported`() {
        #expect(complaints { $0.moves[1].onHandAfter = 11 } == [11])
    }

    @Test func `11: a missing move is reported`() {
        #expect(complaints { $0.moves.remove(at: 2) } == [11])
    }

    @Test func `11: a stock row that its moves do not explain is reported`() {
        #expect(complaints { $0.stock["MUG"]?.onHand = 9 } == [11])
    }

    @Test func `12: a cancelled order that kept its goods is reported`() {
        #expect(
            complaints { $0.reservations[GoodBooks.declined]?.status = "COMMITTED" } == [12])
    }

    @Test func `12: a cancelled order that Inventory has never heard of is reported`() {
        #expect(complaints { $0.reservations[GoodBooks.refused] = nil } == [12])
    }

    @Test func `12: a cancelled order that kept an authorized payment is reported`() {
        #expect(complaints { $0.payments[GoodBooks.declined]?.status = "AUTHORIZED" } == [12])
    }

    @Test func `12: a confirmed order with other lines than reserved is reported`() {
        #expect(complaints { $0.orderLines[GoodBooks.confirmed] = ["MUG": 1] } == [12])
    }

    @Test func `13: held stock without a reservation is reported`() {
        #expect(complaints { $0.stock["MUG"]?.held = 1 } == [13])
    }

    @Test func `14: more sold than delivered is reported`() {
        #expect(
            complaints { state in
                state.reservations[GoodBooks.stranger] = .init(
                    order: GoodBooks.stranger, status: "COMMITTED")
                state.reservationLines[GoodBooks.stranger] = ["MUG": 9]
            } == [14])
    }

    @Test func `17: a saga that has not ended is reported`() {
        #expect(complaints { GoodBooks.path(GoodBooks.stranger, ["RESERVING"], &$0) } == [17])
    }

    @Test func `17 and 18: an order without any saga row is reported`() {
        #expect(complaints { $0.forget(GoodBooks.refused) } == [17, 18])
    }

    @Test func `17 and 18: an order whose saga left only its log is reported`() {
        #expect(
            complaints { $0.sagas.removeAll { $0.order == GoodBooks.refused } } == [17, 18])
    }

    @Test func `17: a parked saga and its operation wait for a person and are not reported`() {
        #expect(
            complaints { state in
                GoodBooks.path(GoodBooks.stranger, ["RESERVING"], &state)
                state.sagas[3].parkedReason = "auth_pending"
                state.operations.append(GoodBooks.operation(GoodBooks.stranger, "AUTH", "UNKNOWN"))
            }.isEmpty)
    }

    @Test func `17: an unpublished outbox row and an operation in doubt are reported`() {
        #expect(complaints { $0.unpublished["payment"] = 3 } == [17])
        #expect(complaints { $0.operations[0].state = "UNKNOWN" } == [17])
    }

    @Test func `18: a gap in a saga's log is reported`() {
        #expect(complaints { $0.sagaLog.remove(at: 1) } == [18])
    }

    @Test func `18: an illegal transition is reported`() {
        #expect(
            complaints { state in
                state.sagaLog.removeAll { $0.order == GoodBooks.declined }
                state.sagas.removeAll { $0.order == GoodBooks.declined }
                GoodBooks.path(GoodBooks.declined, ["RESERVING", "COMMITTING", "CANCELLED"], &state)
            } == [18])
    }

    @Test func `18: a transition after a terminal state is reported`() {
        #expect(
            complaints { state in
                state.sagaLog.removeAll { $0.order == GoodBooks.refused }
                state.sagas.removeAll { $0.order == GoodBooks.refused }
                GoodBooks.path(
                    GoodBooks.refused, ["RESERVING", "CANCELLED", "CANCELLED"], &state)
            } == [18])
    }

    @Test func `22: two orders of one key are reported`() {
        let withBothKeys = complaints { $0.orders[GoodBooks.refused]?.key = "key-1" }
        #expect(withBothKeys == [22])
        #expect(
            complaints { state in
                state.orders[GoodBooks.refused]?.key = "key-1"
                state.keys.removeAll { $0.key == "key-3" }
            } == [22])
    }

    @Test func `22: a key that names an unknown order is reported`() {
        #expect(complaints { $0.keys[0].order = GoodBooks.stranger } == [22])
    }

    @Test func `22: an order whose key is not kept is reported`() {
        #expect(complaints { $0.keys.remove(at: 1) } == [22])
    }

    @Test func `22: a key of an order that does not exist is reported`() {
        #expect(
            complaints {
                $0.keys.append(
                    .init(
                        principal: GoodBooks.customer, key: "lost", order: GoodBooks.stranger))
            } == [22])
    }
}

extension AuditState {
    /// Takes away all that the sagas know about an order.
    fileprivate mutating func forget(_ order: UniqueID) {
        sagas.removeAll { $0.order == order }
        sagaLog.removeAll { $0.order == order }
    }
}
