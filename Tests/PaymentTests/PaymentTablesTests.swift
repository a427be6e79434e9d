import Basics
import Postgres
import Support
import Testing

@testable import PaymentService

/// The constraints that carry the invariants: each illegal write is tried as the service's own role
/// and must be refused by name. Nothing here goes through our rules: a faulty program must fail.
@Suite struct PaymentTablesTests {
    private static let order = "01990000-0000-7000-8000-000000000001"
    private static let customer = "01990000-0000-7000-8000-0000000000c1"

    private static func id(_ last: String) -> String {
        "01990000-0000-7000-8000-0000000000\(last)"
    }

    private static func operation(_ last: String, _ kind: String, _ attempt: Int) -> String {
        """
        INSERT INTO payment_ops (op_id, order_id, kind, attempt, request, command_id, step, step_seq)
        VALUES ('\(id(last))', '\(order)', '\(kind)', \(attempt), '{}', '\(id("0\(kind.count)"))',
            'AUTHORIZE', 2)
        """
    }

    private static func settle(_ last: String, _ change: String) -> String {
        """
        UPDATE payment_ops SET \(change), first_sent_at = now(), settled_at = now(),
            next_attempt_at = NULL WHERE op_id = '\(id(last))'
        """
    }

    private static func transfer(
        _ last: String, operation: String, _ code: String, _ debit: String, _ credit: String,
        amount: Int = 1200, pending: String? = nil
    ) -> String {
        """
        INSERT INTO ledger_transfers
            (id, order_id, op_id, code, debit_account, credit_account, amount, currency, pending_id)
        VALUES ('\(id(last))', '\(order)', '\(id(operation))', '\(code)', '\(debit):EUR',
            '\(credit):EUR', \(amount), 'EUR', \(pending.map { "'\(id($0))'" } ?? "NULL"))
        """
    }

    private static func payment(_ change: String) -> String {
        "UPDATE payments SET \(change) WHERE order_id = '\(order)'"
    }

    private enum Expected {
        case accepted
        /// The named constraint or trigger refuses it.
        case refused(by: String)
        /// The role may not do this at all.
        case forbidden
    }

    /// One order's life, with every shortcut tried on the way.
    private static let script: [(String, Expected)] = [
        (
            """
            INSERT INTO payments (order_id, customer_id, amount, currency, status, authorized,
                authorization_ref)
            VALUES ('\(order)', '\(customer)', 1200, 'EUR', 'AUTHORIZED', 1200, 'a')
            """, .refused(by: "payments_edge")
        ),
        (
            "INSERT INTO payments (order_id, status) VALUES ('\(order)', 'AUTHORIZING')",
            .refused(by: "payments_tombstone")
        ),
        (
            """
            INSERT INTO payments (order_id, customer_id, amount, currency, status)
            VALUES ('\(order)', '\(customer)', 1200, 'EUR', 'AUTHORIZING')
            """, .accepted
        ),
        (
            """
            INSERT INTO payments (order_id, status, voided)
            VALUES ('\(id("bb"))', 'VOIDED', true)
            """, .accepted
        ),
        (
            """
            UPDATE payments SET status = 'AUTHORIZING', voided = false
            WHERE order_id = '\(id("bb"))'
            """, .refused(by: "payments_edge")
        ),
        (operation("a1", "AUTH", 1), .accepted),
        (operation("a2", "AUTH", 2), .refused(by: "payment_ops_one_live")),
        (settle("a1", "state = 'FENCED'"), .refused(by: "payment_ops_evidence")),
        ("UPDATE payment_ops SET attempt = 2", .forbidden),
        ("UPDATE payment_ops SET request = 'x'", .forbidden),
        (
            payment("status = 'CAPTURING', authorized = 1200, authorization_ref = 'x'"),
            .refused(by: "payments_edge")
        ),
        (
            payment("status = 'AUTHORIZED', authorized = 1100, authorization_ref = 'x'"),
            .refused(by: "payments_authorized_whole")
        ),
        (
            transfer("f1", operation: "a1", "HOLD", "customer_hold", "held_sales"),
            .refused(by: "ledger_operation")
        ),
        (settle("a1", "state = 'OK', provider_ref = 'auth_1'"), .accepted),
        ("UPDATE payment_ops SET tries = 3", .refused(by: "payment_ops_edge")),
        (
            payment("status = 'AUTHORIZED', authorized = 1200, authorization_ref = 'auth_1'"),
            .accepted
        ),
        ("UPDATE payments SET amount = 1", .forbidden),
        (
            transfer("f1", operation: "a1", "HOLD", "held_sales", "customer_hold"),
            .refused(by: "ledger_posting")
        ),
        (transfer("f1", operation: "a1", "HOLD", "customer_hold", "held_sales"), .accepted),
        (
            transfer("f2", operation: "a1", "HOLD", "customer_hold", "held_sales"),
            .refused(by: "ledger_once")
        ),
        (
            transfer(
                "f2", operation: "a1", "POST", "provider_clearing", "customer_hold", pending: "f1"),
            .refused(by: "ledger_operation")
        ),
        (payment("status = 'CAPTURING'"), .accepted),
        (operation("b1", "CAPTURE", 2), .refused(by: "payment_ops_rotation")),
        (operation("b1", "CAPTURE", 1), .accepted),
        (settle("b1", "state = 'FENCED', fence_evidence = 'cancelled'"), .accepted),
        (operation("b2", "CAPTURE", 2), .accepted),
        (operation("b3", "CAPTURE", 3), .refused(by: "payment_ops_one_live")),
        (settle("b2", "state = 'OK', provider_ref = 'auth_1'"), .refused(by: "payment_ops_reference")),
        (settle("b2", "state = 'OK', provider_ref = 'cap_1'"), .accepted),
        (
            transfer(
                "f2", operation: "b2", "POST", "provider_clearing", "customer_hold", amount: 1100,
                pending: "f1"),
            .refused(by: "ledger_resolves")
        ),
        (
            transfer(
                "f2", operation: "b2", "POST", "provider_clearing", "customer_hold", pending: "f1"),
            .accepted
        ),
        (
            transfer("f3", operation: "a1", "VOID", "held_sales", "customer_hold", pending: "f1"),
            .refused(by: "ledger_resolved_once")
        ),
        (transfer("f4", operation: "b2", "EARN", "held_sales", "revenue"), .accepted),
        (payment("status = 'CAPTURED', captured = 600, capture_ref = 'cap_1'"),
            .refused(by: "payments_captured_whole")),
        (payment("status = 'CAPTURED', captured = 1200, capture_ref = 'cap_1'"), .accepted),
        (payment("refunded = 1300"), .refused(by: "payments_refunded_captured")),
        (
            payment("status = 'VOIDING', captured = 0, capture_ref = NULL"),
            .refused(by: "payments_edge")
        ),
        ("DELETE FROM ledger_transfers", .forbidden),
        ("UPDATE ledger_transfers SET amount = 1", .forbidden),
        ("UPDATE accounts SET currency = 'USD'", .forbidden),
        ("DELETE FROM payment_ops", .forbidden),
        ("DELETE FROM payments", .forbidden),
    ]

    @Test(.timeLimit(.minutes(2)))
    func `illegal writes are refused by the tables themselves`() async throws {
        try await PaymentFixture.run { fixture in
            for (sql, expected) in Self.script {
                let result: PostgresError?
                do {
                    _ = try await fixture.pool.execute(Statement(sql))
                    result = nil
                } catch let error as PostgresError {
                    result = error
                }
                switch expected {
                case .accepted: #expect(result == nil, "\(sql)")
                case .refused(let constraint):
                    #expect(result?.constraint == constraint, "\(sql)")
                case .forbidden: #expect(result?.sqlState == "42501", "\(sql)")
                }
            }
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `not even the owner may change the ledger`() async throws {
        try await PaymentFixture.run { fixture in
            let owner = Pool(
                configuration: PoolConfiguration(conninfo: fixture.database.ownerConninfo),
                loop: fixture.loop, logger: QuietLog.logger(), metrics: QuietLog.metrics())
            for sql in [
                "UPDATE ledger_transfers SET amount = 1", "DELETE FROM ledger_transfers",
                "TRUNCATE ledger_transfers", "DELETE FROM payment_ops", "DELETE FROM payments",
                "DELETE FROM payment_edges", "DELETE FROM accounts",
            ] {
                let error = await #expect(throws: PostgresError.self, "\(sql)") {
                    try await owner.execute(Statement(sql))
                }
                #expect(error?.constraint == "rows_stay", "\(sql)")
            }
            await owner.close()
        }
    }
}
