import Basics
import Postgres

/// The postings of D13 as statements. The tables' constraints check every one of them again: the
/// operation behind it succeeded, the accounts fit the code, the hold is resolved once.
enum LedgerStore {
    static func post(
        _ code: TransferCode, id: UniqueID, order: OrderID, operation: UniqueID, total: Money
    ) -> [Statement] {
        let sides = accounts(code)
        let transfer = Statement(
            """
            INSERT INTO ledger_transfers (id, order_id, op_id, code, debit_account, credit_account,
                amount, currency, pending_id)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, CASE WHEN $4::text IN ('POST', 'VOID') THEN
                (SELECT id FROM ledger_transfers WHERE order_id = $2 AND code = 'HOLD') END)
            """,
            [
                .id(id), .id(order.value), .id(operation), .text(code.rawValue),
                .text("\(sides.debit):\(total.currency)"),
                .text("\(sides.credit):\(total.currency)"), .integer(total.minor),
                .text(total.currency.code),
            ])
        return code == .hold ? [openAccounts(total.currency), transfer] : [transfer]
    }

    /// Debit and credit of each code; an asset's balance is debits − credits.
    private static func accounts(_ code: TransferCode) -> (debit: String, credit: String) {
        switch code {
        case .hold: ("customer_hold", "held_sales")
        case .post: ("provider_clearing", "customer_hold")
        case .earn: ("held_sales", "revenue")
        case .void: ("held_sales", "customer_hold")
        case .refund: ("refunds", "provider_clearing")
        }
    }

    /// The first hold in a currency opens that currency's accounts.
    private static func openAccounts(_ currency: Currency) -> Statement {
        Statement(
            """
            INSERT INTO accounts (account_id, kind, currency)
            SELECT kind || ':' || $1, kind, $1 FROM unnest(ARRAY['customer_hold', 'held_sales',
                'provider_clearing', 'revenue', 'refunds', 'fees']) AS kind
            WHERE NOT EXISTS (SELECT 1 FROM accounts WHERE currency = $1)
            ON CONFLICT (account_id) DO NOTHING
            """, [.text(currency.code)])
    }
}
