-- One row per order: where its money stands. A row without an amount is a tombstone: a Void or a
-- Capture arrived before any Authorize, and the order is closed for good (D3).

CREATE TABLE payment_edges (
    from_status text NOT NULL,
    to_status   text NOT NULL,
    PRIMARY KEY (from_status, to_status)
);

-- AUTHORIZING and CAPTURING go straight to VOIDING when a Void came while the call was in doubt.
-- AUTHORIZING goes to VOIDED when such an authorization was fenced: it never happened.
INSERT INTO payment_edges (from_status, to_status) VALUES
    ('NONE', 'AUTHORIZING'), ('NONE', 'VOIDED'),
    ('AUTHORIZING', 'AUTHORIZED'), ('AUTHORIZING', 'DECLINED'),
    ('AUTHORIZING', 'VOIDING'), ('AUTHORIZING', 'VOIDED'),
    ('AUTHORIZED', 'CAPTURING'), ('AUTHORIZED', 'VOIDING'),
    ('CAPTURING', 'CAPTURED'), ('CAPTURING', 'CAPTURE_FAILED'), ('CAPTURING', 'VOIDING'),
    ('CAPTURE_FAILED', 'VOIDING'),
    ('VOIDING', 'VOIDED');

CREATE TABLE payments (
    order_id          uuid PRIMARY KEY,
    customer_id       uuid,
    amount            bigint CHECK (amount > 0),
    currency          text CHECK (currency ~ '^[A-Z]{3}$'),
    status            text NOT NULL,
    authorized        bigint NOT NULL DEFAULT 0 CHECK (authorized >= 0),
    captured          bigint NOT NULL DEFAULT 0 CHECK (captured >= 0),
    refunded          bigint NOT NULL DEFAULT 0 CHECK (refunded >= 0),
    voided            boolean NOT NULL DEFAULT false,
    authorization_ref text,
    capture_ref       text,
    reason            text,
    void_wanted       boolean NOT NULL DEFAULT false,
    void_command_id   uuid,
    void_step_seq     bigint,
    void_traceparent  text,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT payments_amount_known CHECK (
        (amount IS NULL) = (currency IS NULL) AND (amount IS NULL) = (customer_id IS NULL)),
    CONSTRAINT payments_tombstone CHECK (
        amount IS NOT NULL OR (status = 'VOIDED' AND authorized = 0)),
    CONSTRAINT payments_authorized_whole CHECK (authorized IN (0, amount)),
    CONSTRAINT payments_captured_whole CHECK (captured IN (0, amount)),
    CONSTRAINT payments_captured_authorized CHECK (captured <= authorized),
    CONSTRAINT payments_refunded_captured CHECK (refunded <= captured),
    CONSTRAINT payments_void_or_captured CHECK (NOT (voided AND captured > 0)),
    CONSTRAINT payments_status_amounts CHECK (
        CASE status
            WHEN 'AUTHORIZING' THEN authorized = 0 AND NOT voided
            WHEN 'DECLINED' THEN authorized = 0 AND NOT voided AND reason IS NOT NULL
            WHEN 'AUTHORIZED' THEN authorized = amount AND captured = 0 AND NOT voided
            WHEN 'CAPTURING' THEN authorized = amount AND captured = 0 AND NOT voided
            WHEN 'CAPTURE_FAILED' THEN
                authorized = amount AND captured = 0 AND NOT voided AND reason IS NOT NULL
            WHEN 'CAPTURED' THEN captured = amount AND NOT voided
            WHEN 'VOIDING' THEN authorized = amount AND captured = 0 AND NOT voided
            WHEN 'VOIDED' THEN captured = 0 AND voided
            ELSE false
        END),
    CONSTRAINT payments_authorization_ref CHECK ((authorized > 0) = (authorization_ref IS NOT NULL)),
    CONSTRAINT payments_capture_ref CHECK ((captured > 0) = (capture_ref IS NOT NULL)),
    CONSTRAINT payments_void_command CHECK (
        void_wanted = (void_command_id IS NOT NULL)
        AND (void_command_id IS NULL) = (void_step_seq IS NULL))
);

-- The previous state comes from the row itself, so a writer cannot name it: a foreign key from this
-- row alone to the edges could be satisfied with an invented one.
CREATE FUNCTION payments_follow_edges() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before text := 'NONE';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        before := OLD.status;
        IF NEW.order_id <> OLD.order_id OR NEW.amount IS DISTINCT FROM OLD.amount
            OR NEW.currency IS DISTINCT FROM OLD.currency
            OR NEW.customer_id IS DISTINCT FROM OLD.customer_id THEN
            RAISE EXCEPTION 'the terms of payment % never change', OLD.order_id
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payments_terms';
        END IF;
    END IF;
    IF before <> NEW.status AND NOT EXISTS (
        SELECT 1 FROM payment_edges WHERE from_status = before AND to_status = NEW.status) THEN
        RAISE EXCEPTION 'payment % may not go from % to %', NEW.order_id, before, NEW.status
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payments_edge';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER payments_follow_edges BEFORE INSERT OR UPDATE ON payments
    FOR EACH ROW EXECUTE FUNCTION payments_follow_edges();

-- Rows are permanent: fences must outlive every late message (D3, D11).
CREATE FUNCTION payment_rows_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is forbidden', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'rows_stay';
END $$;

CREATE TRIGGER payments_stay BEFORE DELETE OR TRUNCATE ON payments
    FOR EACH STATEMENT EXECUTE FUNCTION payment_rows_stay();
CREATE TRIGGER payment_edges_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_edges
    FOR EACH STATEMENT EXECUTE FUNCTION payment_rows_stay();

GRANT SELECT ON payment_edges TO payment_app;
GRANT SELECT, INSERT ON payments TO payment_app;
GRANT UPDATE (
    status, authorized, captured, refunded, voided, authorization_ref, capture_ref, reason,
    void_wanted, void_command_id, void_step_seq, void_traceparent, updated_at
) ON payments TO payment_app;
