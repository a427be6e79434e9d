-- Orders and everything a customer sees of them. There is no status column: the status is derived
-- from the saga, so the two cannot disagree.

CREATE TABLE orders (
    order_id          uuid        PRIMARY KEY,
    customer_id       uuid        NOT NULL,
    client_request_id text        NOT NULL CHECK (octet_length(client_request_id) BETWEEN 1 AND 255),
    cart_id           uuid        NOT NULL,
    cart_version      bigint      NOT NULL CHECK (cart_version > 0),
    total_minor       bigint      NOT NULL CHECK (total_minor > 0),
    currency          text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    lines_hash        text        NOT NULL,
    -- The token the customer chose; Authorize is re-sent with it. A real shop stores a provider's token, never a card.
    card_token        text        NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    UNIQUE (customer_id, client_request_id),
    UNIQUE (cart_id, cart_version)
);
CREATE INDEX orders_of_customer ON orders (customer_id, created_at DESC);

CREATE TABLE order_lines (
    order_id   uuid   NOT NULL REFERENCES orders,
    sku        text   NOT NULL,
    qty        integer NOT NULL CHECK (qty > 0),
    unit_minor bigint NOT NULL CHECK (unit_minor >= 0),
    name       text   NOT NULL,
    PRIMARY KEY (order_id, sku)
);

-- The customer's timeline, written in the saga's transaction.
CREATE TABLE order_events (
    order_id uuid        NOT NULL REFERENCES orders,
    seq      bigint      NOT NULL CHECK (seq >= 1),
    type     text        NOT NULL,
    payload  jsonb       NOT NULL,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (order_id, seq)
);

-- D14. Written with the order in one transaction, so a key is complete or absent; a concurrent twin
-- waits on this primary key.
CREATE TABLE idempotency_keys (
    principal    uuid        NOT NULL,
    key          text        NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 255),
    request_hash text        NOT NULL,
    order_id     uuid        NOT NULL,
    status_code  integer     NOT NULL,
    body         bytea       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, key)
);

INSERT INTO saga_edges (saga_type, from_state, to_state) VALUES
    ('checkout', 'NEW', 'RESERVING'),
    ('checkout', 'RESERVING', 'AUTHORIZING'),
    ('checkout', 'RESERVING', 'CANCELLED'),
    ('checkout', 'RESERVING', 'COMPENSATING'),
    ('checkout', 'AUTHORIZING', 'COMMITTING'),
    ('checkout', 'AUTHORIZING', 'COMPENSATING'),
    ('checkout', 'COMMITTING', 'CAPTURING'),
    ('checkout', 'COMMITTING', 'COMPENSATING'),
    ('checkout', 'CAPTURING', 'CONFIRMED'),
    ('checkout', 'CAPTURING', 'COMPENSATING'),
    ('checkout', 'COMPENSATING', 'COMPENSATING'),
    ('checkout', 'COMPENSATING', 'CANCELLED');

CREATE TRIGGER orders_append_only BEFORE UPDATE OR DELETE ON orders
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER order_lines_append_only BEFORE UPDATE OR DELETE ON order_lines
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER order_events_append_only BEFORE UPDATE OR DELETE ON order_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER idempotency_keys_append_only BEFORE UPDATE OR DELETE ON idempotency_keys
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

DO $$
DECLARE app text := regexp_replace(current_user::text, '_owner$', '_app');
BEGIN
    EXECUTE format('GRANT SELECT, INSERT ON orders, order_lines, order_events, idempotency_keys TO %I', app);
END $$;
