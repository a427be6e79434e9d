import Basics
import Postgres

/// The `payments` row, read under its lock, and what of the state it is.
struct PaymentRow: Sendable {
    let order: OrderID
    let state: PaymentState
    let created: WallTime
    let updated: WallTime
    /// The Void that waits for the call under way.
    let pendingVoid: CommandReference?
}

/// The command that a reply answers: its identity, step and trace, kept until the answer is known.
struct CommandReference: Sendable, Equatable {
    let messageID: UniqueID
    let step: String
    let stepSequence: Int64
    let traceparent: String?
}

/// The columns that carry a state. Encoding and decoding stand side by side, so that they cannot
/// drift apart.
struct PaymentColumns: Sendable, Equatable {
    var status: String
    var terms: Terms?
    var authorized: Int64 = 0
    var captured: Int64 = 0
    var isVoided = false
    var authorizationRef: String?
    var captureRef: String?
    var reason: String?

    /// Nil for `none`, which is the absence of a row.
    init?(_ state: PaymentState) {
        let terms = state.terms
        let total = terms?.total.minor ?? 0
        self.init(status: "", terms: terms)
        if let reference = state.authorization {
            authorizationRef = reference
            authorized = total
        }
        switch state {
        case .none:
            return nil
        case .authorizing:
            status = "AUTHORIZING"
        case .authorized:
            status = "AUTHORIZED"
        case .declined(_, let reason):
            status = "DECLINED"
            self.reason = reason
        case .capturing:
            status = "CAPTURING"
        case .captureFailed(_, _, let reason):
            status = "CAPTURE_FAILED"
            self.reason = reason
        case .captured(_, _, let capture):
            status = "CAPTURED"
            captureRef = capture
            captured = total
        case .voiding(_, _, let reason):
            status = "VOIDING"
            self.reason = reason
        case .voided(_, _, let reason):
            status = "VOIDED"
            isVoided = true
            self.reason = reason
        }
    }

    private init(status: String, terms: Terms?) {
        self.status = status
        self.terms = terms
    }
}

extension PaymentRow {
    static let columns = """
        order_id, customer_id, amount, currency, status, authorization_ref, capture_ref, reason,
        void_wanted, void_command_id, void_step_seq, void_traceparent, created_at, updated_at
        """

    init(_ row: Row) throws {
        order = OrderID(try row.id("order_id"))
        created = try row.time("created_at")
        updated = try row.time("updated_at")
        let voidWanted = try row.boolean("void_wanted")
        pendingVoid =
            voidWanted
            ? CommandReference(
                messageID: try row.id("void_command_id"), step: "VOID",
                stepSequence: try row.integer("void_step_seq"),
                traceparent: try row.optionalText("void_traceparent"))
            : nil
        state = try Self.state(row, voidWanted)
    }

    private static func state(_ row: Row, _ voidWanted: Bool) throws -> PaymentState {
        let status = try row.text("status")
        let reason = try row.optionalText("reason")
        let reference = try row.optionalText("authorization_ref")
        guard let amount = try row.optionalInteger("amount") else {
            return .voided(nil, reference: nil, reason: reason)
        }
        guard let currency = Currency(try row.text("currency")) else {
            throw PostgresError(.decoding, "payments.currency is not a currency")
        }
        let terms = Terms(
            customer: CustomerID(try row.id("customer_id")),
            total: Money(minor: amount, currency: currency))
        func required() throws -> String { try row.text("authorization_ref") }
        switch status {
        case "AUTHORIZING": return .authorizing(terms, voidWanted: voidWanted)
        case "AUTHORIZED": return .authorized(terms, reference: try required())
        case "DECLINED": return .declined(terms, reason: try row.text("reason"))
        case "CAPTURING":
            return .capturing(terms, reference: try required(), voidWanted: voidWanted)
        case "CAPTURE_FAILED":
            return .captureFailed(
                terms, reference: try required(), reason: try row.text("reason"))
        case "CAPTURED":
            return .captured(
                terms, reference: try required(), capture: try row.text("capture_ref"))
        case "VOIDING": return .voiding(terms, reference: try required(), reason: reason)
        case "VOIDED": return .voided(terms, reference: reference, reason: reason)
        default: throw PostgresError(.decoding, "payments.status is unknown")
        }
    }
}
