import Basics
import Postgres

/// All SQL on `payments`. Every change of an order's money happens under this row's lock, which is
/// taken before that of any of its operations (D18: one order of locks).
struct PaymentStore: Sendable {
    /// Locks the order's row; nil when nothing was ever heard of the order.
    func lock(_ order: OrderID, in transaction: Transaction) async throws -> PaymentRow? {
        try await transaction.query(Self.lock(order)).first.map(PaymentRow.init)
    }

    static func lock(_ order: OrderID) -> Statement {
        Statement(
            "SELECT \(PaymentRow.columns) FROM payments WHERE order_id = $1 FOR UPDATE",
            [.id(order.value)])
    }

    /// Reads without a lock, for the public route.
    func find(_ order: OrderID, _ customer: CustomerID, in pool: Pool) async throws -> PaymentRow? {
        let sql = """
            SELECT \(PaymentRow.columns) FROM payments WHERE order_id = $1 AND customer_id = $2
            """
        return try await pool.query(
            Statement(sql, [.id(order.value), .id(customer.value)]), as: "read payment"
        ).first.map(PaymentRow.init)
    }

    /// First touch: the unique index is the lock. False when another transaction was first.
    func insert(
        _ order: OrderID, _ columns: PaymentColumns, operation: NewOperation?,
        in transaction: Transaction
    ) async throws -> Bool {
        let payment = """
            INSERT INTO payments (order_id, customer_id, amount, currency, status, voided)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (order_id) DO NOTHING
            """
        let parameters: [Parameter] = [
            .id(order.value), .optional(columns.terms) { .id($0.customer.value) },
            .optional(columns.terms) { .integer($0.total.minor) },
            .optional(columns.terms) { .text($0.total.currency.code) }, .text(columns.status),
            .boolean(columns.isVoided),
        ]
        guard let operation else {
            return try await transaction.execute(Statement(payment, parameters)) == 1
        }
        // One statement: the operation exists only if this transaction made the payment.
        let both = """
            WITH first AS (\(payment) RETURNING order_id)
            INSERT INTO payment_ops (order_id, \(NewOperation.columns))
            SELECT first.order_id, $7::uuid, $8::text, $9::integer, $10::bytea, $11::uuid,
                $12::text, $13::bigint, $14::text
            FROM first
            """
        return try await transaction.execute(
            Statement(both, parameters + operation.parameters)) == 1
    }

    /// The new state of a row whose lock is held.
    static func save(_ order: OrderID, _ columns: PaymentColumns) -> Statement {
        Statement(
            """
            UPDATE payments SET status = $2, authorized = $3, captured = $4, voided = $5,
                authorization_ref = $6, capture_ref = $7, reason = $8, updated_at = now()
            WHERE order_id = $1
            """,
            [
                .id(order.value), .text(columns.status), .integer(columns.authorized),
                .integer(columns.captured), .boolean(columns.isVoided),
                .optional(columns.authorizationRef) { .text($0) },
                .optional(columns.captureRef) { .text($0) },
                .optional(columns.reason) { .text($0) },
            ])
    }

    /// Notes a Void that must wait for the call under way.
    static func wantVoid(_ order: OrderID, _ command: CommandReference) -> Statement {
        Statement(
            """
            UPDATE payments SET void_wanted = true, void_command_id = $2, void_step_seq = $3,
                void_traceparent = $4, updated_at = now()
            WHERE order_id = $1
            """,
            [
                .id(order.value), .id(command.messageID), .integer(command.stepSequence),
                .optional(command.traceparent) { .text($0) },
            ])
    }
}
