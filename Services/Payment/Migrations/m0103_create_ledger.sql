-- Double entry as transfers (D13): each row names both sides, so the books balance by construction.
-- Nothing is ever changed; a hold is resolved by a further row that points at it.

CREATE TABLE accounts (
    account_id text PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN (
        'customer_hold', 'held_sales', 'provider_clearing', 'revenue', 'refunds', 'fees')),
    currency   text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT accounts_name CHECK (account_id = kind || ':' || currency),
    CONSTRAINT accounts_currency UNIQUE (account_id, currency)
);

INSERT INTO accounts (account_id, kind, currency)
SELECT kind || ':EUR', kind, 'EUR' FROM unnest(ARRAY[
    'customer_hold', 'held_sales', 'provider_clearing', 'revenue', 'refunds', 'fees']) AS kind;

CREATE TABLE ledger_transfers (
    id             uuid PRIMARY KEY,
    order_id       uuid NOT NULL REFERENCES payments (order_id),
    op_id          uuid NOT NULL,
    code           text NOT NULL CHECK (code IN ('HOLD', 'POST', 'EARN', 'VOID', 'REFUND', 'FEE')),
    debit_account  text NOT NULL,
    credit_account text NOT NULL,
    amount         bigint NOT NULL CHECK (amount > 0),
    currency       text NOT NULL,
    pending_id     uuid,
    at             timestamptz NOT NULL DEFAULT now(),
    op_kind        text GENERATED ALWAYS AS (
        CASE code WHEN 'HOLD' THEN 'AUTH' WHEN 'VOID' THEN 'VOID' WHEN 'REFUND' THEN 'REFUND'
            ELSE 'CAPTURE' END) STORED,
    op_state       text GENERATED ALWAYS AS ('OK') STORED,
    pending_code   text GENERATED ALWAYS AS (
        CASE WHEN code IN ('POST', 'VOID') THEN 'HOLD' END) STORED,
    CONSTRAINT ledger_two_sides CHECK (debit_account <> credit_account),
    CONSTRAINT ledger_posting CHECK (
        (debit_account, credit_account) = (
            CASE code WHEN 'HOLD' THEN 'customer_hold' WHEN 'POST' THEN 'provider_clearing'
                WHEN 'EARN' THEN 'held_sales' WHEN 'VOID' THEN 'held_sales'
                WHEN 'REFUND' THEN 'refunds' ELSE 'fees' END || ':' || currency,
            CASE code WHEN 'HOLD' THEN 'held_sales' WHEN 'POST' THEN 'customer_hold'
                WHEN 'EARN' THEN 'revenue' WHEN 'VOID' THEN 'customer_hold'
                WHEN 'REFUND' THEN 'provider_clearing' ELSE 'provider_clearing' END
                || ':' || currency)),
    CONSTRAINT ledger_pending CHECK ((pending_id IS NOT NULL) = (code IN ('POST', 'VOID'))),
    CONSTRAINT ledger_once UNIQUE (op_id, code),
    CONSTRAINT ledger_hold UNIQUE (id, code, order_id, amount, currency),
    -- Money moves only for a call that the provider confirmed, and only for the right kind of call.
    CONSTRAINT ledger_operation FOREIGN KEY (op_id, order_id, op_kind, op_state)
        REFERENCES payment_ops (op_id, order_id, kind, state),
    -- A hold is resolved whole, in its own currency, and for its own order.
    CONSTRAINT ledger_resolves FOREIGN KEY (pending_id, pending_code, order_id, amount, currency)
        REFERENCES ledger_transfers (id, code, order_id, amount, currency),
    CONSTRAINT ledger_debit FOREIGN KEY (debit_account, currency)
        REFERENCES accounts (account_id, currency),
    CONSTRAINT ledger_credit FOREIGN KEY (credit_account, currency)
        REFERENCES accounts (account_id, currency)
);

-- Each hold is resolved at most once, by a POST or by a VOID.
CREATE UNIQUE INDEX ledger_resolved_once ON ledger_transfers (pending_id)
    WHERE code IN ('POST', 'VOID');
CREATE INDEX ledger_order ON ledger_transfers (order_id);

CREATE TRIGGER ledger_transfers_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfers
    FOR EACH STATEMENT EXECUTE FUNCTION payment_rows_stay();
CREATE TRIGGER accounts_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts
    FOR EACH STATEMENT EXECUTE FUNCTION payment_rows_stay();

GRANT SELECT, INSERT ON accounts, ledger_transfers TO payment_app;
REVOKE UPDATE, DELETE, TRUNCATE ON accounts, ledger_transfers FROM payment_app;
