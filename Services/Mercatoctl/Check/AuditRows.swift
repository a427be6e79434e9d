import Basics

/// Puts one row of a service's audit into the state, under its table's name. Tables that no check
/// reads yet are passed over.
extension AuditState {
    package mutating func add(table: String, row: JSONObject, service: String)
        throws(CommandFailure)
    {
        switch service {
        case "order": try addOrder(table, row)
        case "inventory": try addInventory(table, row)
        case "payment": try addPayment(table, row)
        case "payment-provider":
            if table == "journal" { journal.append(try Self.journalLine(row)) }
        default: break
        }
        switch table {
        case "outbox_unpublished": unpublished[service, default: 0] += try row.integer("count")
        case "dead_letters" where !Self.settled.contains(try row.text("state")):
            deadLetters[service, default: [:]][try row.text("error_class"), default: 0] += 1
        default: break
        }
    }

    /// States of a dead letter that somebody has dealt with.
    private static let settled: Set<String> = ["RESOLVED", "DISCARDED"]

    private mutating func addOrder(_ table: String, _ row: JSONObject) throws(CommandFailure) {
        switch table {
        case "orders":
            let id = try row.id("order_id")
            orders[id] = Order(
                id: id, customer: try row.id("customer_id"),
                key: try row.text("client_request_id"), total: try row.integer("total_minor"),
                currency: try row.text("currency"))
        case "order_lines":
            orderLines[try row.id("order_id"), default: [:]][try row.text("sku")] =
                try row.integer("qty")
        case "saga_instances":
            sagas.append(
                Saga(
                    order: try row.id("order_id"), type: try row.text("saga_type"),
                    state: try row.text("state"), version: try row.integer("version"),
                    parkedReason: row.optionalText("parked_reason")))
        case "saga_log":
            sagaLog.append(
                SagaTransition(
                    order: try row.id("order_id"), type: try row.text("saga_type"),
                    seq: try row.integer("seq"), from: try row.text("from_state"),
                    to: try row.text("to_state")))
        case "idempotency_keys":
            keys.append(
                KeyRow(
                    principal: try row.id("principal"), key: try row.text("key"),
                    order: try row.id("order_id")))
        default: break
        }
    }

    private mutating func addInventory(_ table: String, _ row: JSONObject) throws(CommandFailure) {
        switch table {
        case "stock":
            stock[try row.text("sku")] = Stock(
                onHand: try row.integer("on_hand"), held: try row.integer("held"),
                version: try row.integer("version"))
        case "stock_moves":
            moves.append(
                Move(
                    sku: try row.text("sku"), seq: try row.integer("seq"),
                    order: row.optionalText("order_id").flatMap { UniqueID($0) },
                    kind: try row.text("kind"), quantity: try row.integer("qty"),
                    onHandAfter: try row.integer("on_hand_after"),
                    heldAfter: try row.integer("held_after")))
        case "reservations":
            let id = try row.id("order_id")
            reservations[id] = Reservation(order: id, status: try row.text("status"))
        case "reservation_lines":
            reservationLines[try row.id("order_id"), default: [:]][try row.text("sku")] =
                try row.integer("qty")
        default: break
        }
    }

    private mutating func addPayment(_ table: String, _ row: JSONObject) throws(CommandFailure) {
        switch table {
        case "payments":
            let id = try row.id("order_id")
            payments[id] = Payment(
                order: id, status: try row.text("status"), captured: try row.integer("captured"),
                voided: row.flag("voided"))
        case "payment_ops":
            operations.append(
                Operation(
                    order: try row.id("order_id"), kind: try row.text("kind"),
                    attempt: try row.integer("attempt"), state: try row.text("state"),
                    providerKey: try row.text("provider_key")))
        case "ledger_transfers":
            transfers.append(
                Transfer(
                    order: try row.id("order_id"), code: try row.text("code"),
                    debit: try row.text("debit_account"), credit: try row.text("credit_account"),
                    amount: try row.integer("amount"), currency: try row.text("currency")))
        default: break
        }
    }

    private static func journalLine(_ row: JSONObject) throws(CommandFailure) -> JournalLine {
        JournalLine(
            seq: try row.integer("seq"), key: try row.text("key"),
            reference: row.optionalText("merchant_reference") ?? "", kind: try row.text("kind"),
            outcome: try row.text("outcome"), amount: row.optionalInteger("amount_minor") ?? 0,
            currency: row.optionalText("currency") ?? "",
            providerRef: row.optionalText("provider_ref"),
            authorization: row.optionalObject("evidence")?.optionalText("authorization"))
    }
}

extension JSONObject {
    func id(_ name: String) throws(CommandFailure) -> UniqueID {
        let text = try text(name)
        guard let id = UniqueID(text) else {
            throw CommandFailure(.failed, "\(name) of an audit row is no id: \(text)")
        }
        return id
    }
}
