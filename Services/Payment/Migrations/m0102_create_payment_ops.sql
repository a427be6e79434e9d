-- One row per call to the provider that we intend to make (D12). The provider's idempotency key is
-- generated from order, kind and attempt, so the same intent has the same key after every crash.

CREATE TABLE payment_ops (
    op_id            uuid PRIMARY KEY,
    order_id         uuid NOT NULL REFERENCES payments (order_id),
    kind             text NOT NULL CHECK (kind IN ('AUTH', 'CAPTURE', 'VOID', 'REFUND')),
    attempt          integer NOT NULL CHECK (attempt BETWEEN 1 AND 1000),
    provider_key     text GENERATED ALWAYS AS (
        order_id::text || ':' || kind || ':' || attempt::text) STORED,
    -- The exact bytes of the request's body: a replay under the same key sends them again.
    request          bytea NOT NULL CHECK (octet_length(request) <= 4096),
    request_hash     text GENERATED ALWAYS AS (encode(sha256(request), 'hex')) STORED,
    state            text NOT NULL DEFAULT 'INTENT'
        CHECK (state IN ('INTENT', 'UNKNOWN', 'OK', 'REFUSED', 'FENCED')),
    provider_ref     text,
    reason           text,
    fence_evidence   text,
    -- The command that this operation answers; its step and trace go into the reply.
    command_id       uuid NOT NULL,
    step             text NOT NULL,
    step_seq         bigint NOT NULL,
    traceparent      text,
    intent_at        timestamptz NOT NULL DEFAULT now(),
    first_sent_at    timestamptz,
    settled_at       timestamptz,
    next_attempt_at  timestamptz DEFAULT now(),
    lease_until      timestamptz,
    lease_owner      uuid,
    tries            integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    server_errors    integer NOT NULL DEFAULT 0 CHECK (server_errors >= 0),
    pending_since    timestamptz,
    last_error       text CHECK (octet_length(last_error) <= 1024),
    -- A later attempt repeats the command of the first, so only the first carries it as its cause.
    cause_message_id uuid GENERATED ALWAYS AS (CASE WHEN attempt = 1 THEN command_id END) STORED,
    previous_attempt integer GENERATED ALWAYS AS (CASE WHEN attempt > 1 THEN attempt - 1 END) STORED,
    previous_state   text GENERATED ALWAYS AS (CASE WHEN attempt > 1 THEN 'FENCED' END) STORED,
    CONSTRAINT payment_ops_key UNIQUE (provider_key),
    CONSTRAINT payment_ops_cause UNIQUE (cause_message_id),
    CONSTRAINT payment_ops_reference UNIQUE (provider_ref),
    CONSTRAINT payment_ops_attempt UNIQUE (order_id, kind, attempt),
    CONSTRAINT payment_ops_attempt_state UNIQUE (order_id, kind, attempt, state),
    CONSTRAINT payment_ops_settled_as UNIQUE (op_id, order_id, kind, state),
    -- Invariant 10: a new key exists only behind a fenced one, and the fence cannot be taken away.
    CONSTRAINT payment_ops_rotation FOREIGN KEY (order_id, kind, previous_attempt, previous_state)
        REFERENCES payment_ops (order_id, kind, attempt, state),
    CONSTRAINT payment_ops_evidence CHECK ((state = 'FENCED') = (fence_evidence IS NOT NULL)),
    CONSTRAINT payment_ops_ok CHECK (state <> 'OK' OR provider_ref IS NOT NULL),
    CONSTRAINT payment_ops_refused CHECK (
        (state = 'REFUSED') = (reason IS NOT NULL) AND NOT (state = 'REFUSED' AND kind = 'VOID')),
    CONSTRAINT payment_ops_sent CHECK (state = 'INTENT' OR first_sent_at IS NOT NULL),
    CONSTRAINT payment_ops_open CHECK (
        (state IN ('INTENT', 'UNKNOWN')) = (settled_at IS NULL)
        AND (settled_at IS NULL) = (next_attempt_at IS NOT NULL)
        AND (settled_at IS NULL OR lease_until IS NULL)),
    CONSTRAINT payment_ops_lease CHECK ((lease_until IS NULL) = (lease_owner IS NULL))
);

-- A second live, refused or successful capture cannot exist (invariant 1).
CREATE UNIQUE INDEX payment_ops_one_live ON payment_ops (order_id, kind)
    WHERE state <> 'FENCED' AND kind <> 'REFUND';
CREATE INDEX payment_ops_due ON payment_ops (next_attempt_at) WHERE state IN ('INTENT', 'UNKNOWN');

CREATE FUNCTION payment_ops_settle_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state IN ('OK', 'REFUSED', 'FENCED') OR (OLD.state = 'UNKNOWN' AND NEW.state = 'INTENT')
    THEN
        RAISE EXCEPTION 'operation % may not go from % to %', OLD.op_id, OLD.state, NEW.state
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payment_ops_edge';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER payment_ops_settle_once BEFORE UPDATE ON payment_ops
    FOR EACH ROW EXECUTE FUNCTION payment_ops_settle_once();

-- An operation is born as an intent: nothing can be written here after the fact.
CREATE FUNCTION payment_ops_begin_as_intent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'INTENT' THEN
        RAISE EXCEPTION 'operation % must begin as INTENT', NEW.op_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payment_ops_edge';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER payment_ops_begin_as_intent BEFORE INSERT ON payment_ops
    FOR EACH ROW EXECUTE FUNCTION payment_ops_begin_as_intent();
CREATE TRIGGER payment_ops_stay BEFORE DELETE OR TRUNCATE ON payment_ops
    FOR EACH STATEMENT EXECUTE FUNCTION payment_rows_stay();

GRANT SELECT, INSERT ON payment_ops TO payment_app;
GRANT UPDATE (
    state, provider_ref, reason, fence_evidence, first_sent_at, settled_at, next_attempt_at,
    lease_until, lease_owner, tries, server_errors, pending_since, last_error
) ON payment_ops TO payment_app;
