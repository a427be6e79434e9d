import Basics
@testable import Mercatoctl

/// Books without a fault: one confirmed, one declined and one refused order. Each test breaks one
/// thing in a copy.
enum GoodBooks {
    static let confirmed = UniqueID(high: 0x0193_0000_0000_7001, low: 0x8000_0000_0000_0001)
    static let declined = UniqueID(high: 0x0193_0000_0000_7002, low: 0x8000_0000_0000_0002)
    static let refused = UniqueID(high: 0x0193_0000_0000_7003, low: 0x8000_0000_0000_0003)
    static let stranger = UniqueID(high: 0x0193_0000_0000_7004, low: 0x8000_0000_0000_0004)
    static let customer = UniqueID(high: 0x0193_0000_0000_7005, low: 0x8000_0000_0000_0005)

    static let state: AuditState = {
        var state = AuditState()
        addOrders(to: &state)
        addStock(to: &state)
        addMoney(to: &state)
        state.unpublished = ["order": 0, "inventory": 0, "payment": 0]
        return state
    }()

    private static func addOrders(to state: inout AuditState) {
        for (id, key, sku) in [
            (confirmed, "key-1", "MUG"), (declined, "key-2", "MUG"), (refused, "key-3", "RARE"),
        ] {
            state.orders[id] = .init(
                id: id, customer: customer, key: key, total: 2_400, currency: "EUR")
            state.orderLines[id] = [sku: 2]
            state.keys.append(.init(principal: customer, key: key, order: id))
        }
        path(confirmed, ["RESERVING", "AUTHORIZING", "COMMITTING", "CAPTURING", "CONFIRMED"], &state)
        path(declined, ["RESERVING", "AUTHORIZING", "COMPENSATING", "CANCELLED"], &state)
        path(refused, ["RESERVING", "CANCELLED"], &state)
    }

    static func path(_ order: UniqueID, _ states: [String], _ state: inout AuditState) {
        var from = "NEW"
        for (index, to) in states.enumerated() {
            state.sagaLog.append(
                .init(order: order, type: "checkout", seq: Int64(index) + 1, from: from, to: to))
            from = to
        }
        state.sagas.append(
            .init(order: order, type: "checkout", state: from, version: Int64(states.count)))
    }

    private static func addStock(to state: inout AuditState) {
        state.moves = [
            move(1, nil, "RECEIPT", 10, 10, 0), move(2, confirmed, "HOLD", 2, 10, 2),
            move(3, declined, "HOLD", 2, 10, 4), move(4, declined, "RELEASE", 2, 10, 2),
            move(5, confirmed, "COMMIT", 2, 8, 0),
        ]
        state.stock = [
            "MUG": .init(onHand: 8, held: 0, version: 5),
            "RARE": .init(onHand: 0, held: 0, version: 0),
        ]
        for (order, status) in [
            (confirmed, "COMMITTED"), (declined, "RELEASED"), (refused, "REJECTED"),
        ] {
            state.reservations[order] = .init(order: order, status: status)
            state.reservationLines[order] = state.orderLines[order]
        }
    }

    private static func move(
        _ seq: Int64, _ order: UniqueID?, _ kind: String, _ quantity: Int64, _ onHand: Int64,
        _ held: Int64
    ) -> AuditState.Move {
        .init(
            sku: "MUG", seq: seq, order: order, kind: kind, quantity: quantity,
            onHandAfter: onHand, heldAfter: held)
    }

    private static func addMoney(to state: inout AuditState) {
        state.payments = [
            confirmed: .init(order: confirmed, status: "CAPTURED", captured: 2_400, voided: false),
            declined: .init(order: declined, status: "DECLINED", captured: 0, voided: false),
        ]
        state.operations = [
            operation(confirmed, "AUTH", "OK"), operation(confirmed, "CAPTURE", "OK"),
            operation(declined, "AUTH", "REFUSED"),
        ]
        charge(confirmed, &state)
        journal(declined, "authorize", "declined", &state)
    }

    /// Hold, post and earn in the ledger; approval and capture in the provider's journal.
    static func charge(_ order: UniqueID, _ state: inout AuditState) {
        transfer(order, "HOLD", "customer_hold", "held_sales", &state)
        transfer(order, "POST", "provider_clearing", "customer_hold", &state)
        transfer(order, "EARN", "held_sales", "revenue", &state)
        journal(order, "authorize", "approved", &state)
        journal(order, "capture", "captured", &state)
    }

    static func operation(_ order: UniqueID, _ kind: String, _ status: String)
        -> AuditState.Operation
    {
        .init(
            order: order, kind: kind, attempt: 1, state: status,
            providerKey: "\(order):\(kind):1")
    }

    static func transfer(
        _ order: UniqueID, _ code: String, _ debit: String, _ credit: String,
        _ state: inout AuditState
    ) {
        state.transfers.append(
            .init(
                order: order, code: code, debit: debit + ":EUR", credit: credit + ":EUR",
                amount: 2_400, currency: "EUR"))
    }

    static func journal(
        _ order: UniqueID, _ kind: String, _ outcome: String, _ state: inout AuditState
    ) {
        let seq = Int64(state.journal.count) + 1
        let approvals = state.journal.count { $0.reference == order.description && $0.isApproval }
        state.journal.append(
            .init(
                seq: seq, key: "\(order):\(kind):\(seq)", reference: order.description, kind: kind,
                outcome: outcome, amount: 2_400, currency: "EUR", providerRef: "ref-\(seq)",
                authorization: kind == "authorize" ? nil : "auth-\(order)-\(approvals)"))
    }
}
