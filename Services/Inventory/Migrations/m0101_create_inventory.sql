-- The stock and the reservations of Inventory. Every rule that a constraint can carry is carried by
-- one, so a wrong program is refused by the database instead of selling what is not there.
-- Text keys compare by bytes (COLLATE "C"): rows are locked in the same order in SQL and in Swift.

CREATE TABLE products (
    sku text COLLATE "C" PRIMARY KEY CHECK (sku ~ '^[A-Z0-9-]{1,64}$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    description text NOT NULL CHECK (length(description) <= 4000),
    unit_minor bigint NOT NULL CHECK (unit_minor >= 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    image text NOT NULL CHECK (length(image) <= 500),
    active boolean NOT NULL,
    version bigint NOT NULL CHECK (version > 0)
);

-- version is the seq of the newest move; last_move is NULL while there is none. The deferred foreign
-- key below makes "the counters are what the newest move says" a condition of every commit.
CREATE TABLE stock (
    sku text COLLATE "C" PRIMARY KEY REFERENCES products (sku),
    on_hand bigint NOT NULL CHECK (on_hand >= 0),
    held bigint NOT NULL CHECK (held >= 0),
    version bigint NOT NULL CHECK (version >= 0),
    last_move bigint GENERATED ALWAYS AS (NULLIF(version, 0)) STORED,
    CONSTRAINT stock_held_within_on_hand CHECK (held <= on_hand),
    CONSTRAINT stock_begins_empty CHECK (version > 0 OR (on_hand = 0 AND held = 0))
);

-- The states of an order's reservation and the only ways between them (correctness.md, section 2).
-- NONE is the state before the first touch.
CREATE TABLE reservation_edges (
    from_status text NOT NULL,
    to_status text NOT NULL,
    PRIMARY KEY (from_status, to_status)
);

INSERT INTO reservation_edges (from_status, to_status) VALUES
    ('NONE', 'HELD'), ('NONE', 'REJECTED'), ('NONE', 'RELEASED'),
    ('HELD', 'COMMITTED'), ('HELD', 'RELEASED'), ('COMMITTED', 'RELEASED');

-- One row for each order, for ever. version is the seq of the newest log row.
-- The first touch inserts the row as NONE, version 0, so its primary key is the lock; the deferred
-- foreign key to the log refuses to commit a row that was left so.
CREATE TABLE reservations (
    order_id uuid PRIMARY KEY,
    status text NOT NULL CHECK (status IN ('NONE', 'HELD', 'COMMITTED', 'RELEASED', 'REJECTED')),
    version bigint NOT NULL CHECK (version >= 0),
    reason text,
    lines_hash text CHECK (length(lines_hash) BETWEEN 1 AND 128),
    held_at timestamptz,
    ttl interval CHECK (ttl > interval '0'),
    rejected_sku text COLLATE "C",
    available_seen bigint CHECK (available_seen >= 0),
    stock_version_seen bigint CHECK (stock_version_seen >= 0),
    released_at timestamptz,
    CONSTRAINT reservations_hold_is_dated CHECK (
        (status NOT IN ('HELD', 'COMMITTED') OR held_at IS NOT NULL)
        AND (held_at IS NULL) = (ttl IS NULL)
        AND (held_at IS NULL OR lines_hash IS NOT NULL)),
    CONSTRAINT reservations_rejected_never_held CHECK (status <> 'REJECTED' OR held_at IS NULL),
    CONSTRAINT reservations_release_is_dated CHECK (
        (status = 'RELEASED') = (released_at IS NOT NULL)),
    CONSTRAINT reservations_reason_fits CHECK (
        CASE status
            WHEN 'REJECTED' THEN reason IS NOT NULL AND reason IN ('no_stock', 'unknown_sku')
            WHEN 'RELEASED' THEN reason IS NOT NULL
                AND reason IN ('released', 'restocked', 'expired', 'never_held')
                AND (reason = 'never_held') = (held_at IS NULL)
            ELSE reason IS NULL
        END),
    -- Invariant 16: a refusal says which line, and what was there to see at which version.
    CONSTRAINT reservations_refusal_is_evidenced CHECK (
        (status = 'REJECTED') = (rejected_sku IS NOT NULL)
        AND (status = 'REJECTED' AND reason = 'no_stock') = (available_seen IS NOT NULL)
        AND (available_seen IS NULL) = (stock_version_seen IS NULL)),
    -- Invariant 35: nothing expires early. A difference of two timestamps has days and hours only,
    -- as the ttl has, so the comparison is exact.
    CONSTRAINT reservations_expiry_is_honest CHECK (
        reason IS DISTINCT FROM 'expired' OR released_at - held_at >= ttl)
);

-- The expiry job reads this index; timestamp + interval is immutable only without a time zone.
CREATE INDEX reservations_due ON reservations (((held_at AT TIME ZONE 'UTC') + ttl))
    WHERE status = 'HELD';

-- History: contiguous from 1, each row starts where the one before it ended, each step is an edge.
CREATE TABLE reservation_log (
    order_id uuid NOT NULL REFERENCES reservations (order_id),
    seq bigint NOT NULL CHECK (seq > 0),
    from_status text NOT NULL,
    to_status text NOT NULL,
    cause_message_id uuid UNIQUE,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    previous_seq bigint GENERATED ALWAYS AS (NULLIF(seq - 1, 0)) STORED,
    PRIMARY KEY (order_id, seq),
    UNIQUE (order_id, seq, to_status),
    CONSTRAINT reservation_log_begins_at_none CHECK ((seq = 1) = (from_status = 'NONE')),
    CONSTRAINT reservation_log_edge FOREIGN KEY (from_status, to_status)
        REFERENCES reservation_edges (from_status, to_status),
    CONSTRAINT reservation_log_chain FOREIGN KEY (order_id, previous_seq, from_status)
        REFERENCES reservation_log (order_id, seq, to_status)
);

ALTER TABLE reservations ADD CONSTRAINT reservations_agree_with_log
    FOREIGN KEY (order_id, version, status) REFERENCES reservation_log (order_id, seq, to_status)
    DEFERRABLE INITIALLY DEFERRED;

-- What the Reserve command asked for; kept for refusals too, as evidence for invariant 16.
CREATE TABLE reservation_lines (
    order_id uuid NOT NULL REFERENCES reservations (order_id),
    sku text COLLATE "C" NOT NULL CHECK (sku ~ '^[A-Z0-9-]{1,64}$'),
    qty bigint NOT NULL CHECK (qty > 0),
    PRIMARY KEY (order_id, sku),
    UNIQUE (order_id, sku, qty)
);

-- Every change of stock, in order. need names the move that must have happened before for the same
-- order, sku and quantity; the *_before columns are derived, and must be the previous row's *_after.
CREATE TABLE stock_moves (
    sku text COLLATE "C" NOT NULL REFERENCES stock (sku),
    seq bigint NOT NULL CHECK (seq > 0),
    order_id uuid,
    kind text NOT NULL CHECK (kind IN ('HOLD', 'COMMIT', 'RELEASE', 'RESTOCK', 'RECEIPT')),
    qty bigint NOT NULL CHECK (qty > 0 AND qty <= 1000000000),
    on_hand_after bigint NOT NULL CHECK (on_hand_after >= 0),
    held_after bigint NOT NULL CHECK (held_after >= 0),
    receipt_id uuid UNIQUE,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    need text GENERATED ALWAYS AS (
        CASE kind WHEN 'COMMIT' THEN 'HOLD' WHEN 'RELEASE' THEN 'HOLD' WHEN 'RESTOCK' THEN 'COMMIT'
        END) STORED,
    previous_seq bigint GENERATED ALWAYS AS (NULLIF(seq - 1, 0)) STORED,
    on_hand_before bigint GENERATED ALWAYS AS (
        on_hand_after - CASE kind WHEN 'COMMIT' THEN -qty WHEN 'RESTOCK' THEN qty
            WHEN 'RECEIPT' THEN qty ELSE 0 END) STORED,
    held_before bigint GENERATED ALWAYS AS (
        held_after - CASE kind WHEN 'HOLD' THEN qty WHEN 'COMMIT' THEN -qty
            WHEN 'RELEASE' THEN -qty ELSE 0 END) STORED,
    PRIMARY KEY (sku, seq),
    UNIQUE (sku, seq, on_hand_after, held_after),
    CONSTRAINT stock_moves_once UNIQUE (order_id, sku, kind),
    UNIQUE (order_id, sku, kind, qty),
    CONSTRAINT stock_moves_held_within_on_hand CHECK (held_after <= on_hand_after),
    CONSTRAINT stock_moves_begin_empty CHECK (seq > 1 OR (on_hand_before = 0 AND held_before = 0)),
    CONSTRAINT stock_moves_receipt_has_no_order CHECK ((kind = 'RECEIPT') = (order_id IS NULL)),
    CONSTRAINT stock_moves_receipt_has_id CHECK ((kind = 'RECEIPT') = (receipt_id IS NOT NULL)),
    CONSTRAINT stock_moves_chain FOREIGN KEY (sku, previous_seq, on_hand_before, held_before)
        REFERENCES stock_moves (sku, seq, on_hand_after, held_after),
    CONSTRAINT stock_moves_undo_what_happened FOREIGN KEY (order_id, sku, need, qty)
        REFERENCES stock_moves (order_id, sku, kind, qty),
    CONSTRAINT stock_moves_follow_the_reservation FOREIGN KEY (order_id, sku, qty)
        REFERENCES reservation_lines (order_id, sku, qty)
);

-- A hold is committed or released, never both.
CREATE UNIQUE INDEX stock_moves_one_end_of_a_hold ON stock_moves (order_id, sku)
    WHERE kind IN ('COMMIT', 'RELEASE');

ALTER TABLE stock ADD CONSTRAINT stock_agrees_with_moves
    FOREIGN KEY (sku, last_move, on_hand, held)
    REFERENCES stock_moves (sku, seq, on_hand_after, held_after)
    DEFERRABLE INITIALLY DEFERRED;

-- Append-only twice over: the role lacks the right, and a trigger stops whoever has it.
CREATE FUNCTION refuse_inventory_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the table is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER stock_moves_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON stock_moves
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_inventory_change();
CREATE TRIGGER reservation_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reservation_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_inventory_change();
CREATE TRIGGER reservation_lines_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON reservation_lines
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_inventory_change();
CREATE TRIGGER reservations_permanent BEFORE DELETE OR TRUNCATE ON reservations
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_inventory_change();

REVOKE ALL ON products, stock, stock_moves, reservations, reservation_log, reservation_lines,
    reservation_edges FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO inventory_app;
GRANT SELECT, INSERT, UPDATE ON products, stock, reservations TO inventory_app;
GRANT SELECT, INSERT ON stock_moves, reservation_log, reservation_lines TO inventory_app;
GRANT SELECT ON reservation_edges TO inventory_app;
