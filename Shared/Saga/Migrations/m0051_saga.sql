-- The saga engine's four tables. They know no business word: which edges exist is the service's
-- data (saga_edges), and illegal or skipped transitions are foreign-key errors.

CREATE TABLE saga_edges (
    saga_type  text NOT NULL,
    from_state text NOT NULL,
    to_state   text NOT NULL,
    PRIMARY KEY (saga_type, from_state, to_state)
);

-- Append-only history. Each row names the row before it, so the chain cannot have a gap.
CREATE TABLE saga_log (
    order_id         uuid        NOT NULL,
    saga_type        text        NOT NULL,
    seq              bigint      NOT NULL CHECK (seq >= 1),
    from_state       text        NOT NULL,
    to_state         text        NOT NULL,
    cause            text        NOT NULL,
    cause_message_id uuid,
    at               timestamptz NOT NULL DEFAULT clock_timestamp(),
    previous_seq     bigint GENERATED ALWAYS AS (NULLIF(seq - 1, 0)) STORED,
    PRIMARY KEY (order_id, saga_type, seq),
    UNIQUE (order_id, saga_type, seq, to_state),
    UNIQUE (saga_type, cause_message_id),
    FOREIGN KEY (saga_type, from_state, to_state) REFERENCES saga_edges,
    FOREIGN KEY (order_id, saga_type, previous_seq, from_state)
        REFERENCES saga_log (order_id, saga_type, seq, to_state),
    CHECK ((seq = 1) = (from_state = 'NEW'))
);

CREATE TABLE saga_instances (
    order_id         uuid        NOT NULL,
    saga_type        text        NOT NULL,
    state            text        NOT NULL,
    version          bigint      NOT NULL,
    open_steps       integer     NOT NULL CHECK (open_steps BETWEEN 0 AND 255),
    cancel_requested boolean     NOT NULL DEFAULT false,
    tries            integer     NOT NULL DEFAULT 0 CHECK (tries >= 0),
    next_attempt_at  timestamptz,
    -- When all sagas of the time were last woken after a broker loss; a new saga needs no waking (D9).
    woken_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Timers that ended in an error since the last one that did not; they drive the timer's backoff.
    failures         integer     NOT NULL DEFAULT 0 CHECK (failures >= 0),
    deadline_at      timestamptz,
    -- Why the saga turned back; set when compensation starts, shown to the customer at the end.
    reason           text,
    parked_reason    text,
    traceparent      text,
    terminal         boolean GENERATED ALWAYS AS (state IN ('CONFIRMED', 'CANCELLED', 'REFUNDED')) STORED,
    PRIMARY KEY (order_id, saga_type),
    FOREIGN KEY (order_id, saga_type, version, state)
        REFERENCES saga_log (order_id, saga_type, seq, to_state) DEFERRABLE INITIALLY DEFERRED,
    CHECK (terminal = (next_attempt_at IS NULL)),
    CHECK (NOT terminal OR open_steps = 0)
) WITH (fillfactor = 70);
CREATE INDEX saga_due ON saga_instances (next_attempt_at) WHERE next_attempt_at IS NOT NULL;

CREATE TABLE saga_steps (
    order_id      uuid        NOT NULL,
    saga_type     text        NOT NULL,
    step          text        NOT NULL,
    step_seq      bigint      NOT NULL,
    status        text        NOT NULL CHECK (status IN ('OPEN', 'OK', 'REFUSED', 'UNDONE')),
    first_sent_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sends         integer     NOT NULL DEFAULT 1 CHECK (sends >= 1),
    reply_code    text,
    replied_at    timestamptz,
    late_count    integer     NOT NULL DEFAULT 0 CHECK (late_count >= 0),
    PRIMARY KEY (order_id, saga_type, step),
    FOREIGN KEY (order_id, saga_type, step_seq) REFERENCES saga_log (order_id, saga_type, seq),
    CHECK ((status = 'OPEN') = (replied_at IS NULL))
) WITH (fillfactor = 70);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER saga_log_append_only BEFORE UPDATE OR DELETE ON saga_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- A terminal saga never changes again (D11).
CREATE FUNCTION refuse_terminal_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.terminal AND (NEW.state, NEW.version) IS DISTINCT FROM (OLD.state, OLD.version) THEN
        RAISE EXCEPTION 'saga % is terminal', OLD.order_id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER saga_terminal_is_final BEFORE UPDATE ON saga_instances
    FOR EACH ROW EXECUTE FUNCTION refuse_terminal_change();

DO $$
DECLARE app text := regexp_replace(current_user::text, '_owner$', '_app');
BEGIN
    EXECUTE format('GRANT SELECT ON saga_edges TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT ON saga_log TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON saga_instances, saga_steps TO %I', app);
END $$;
