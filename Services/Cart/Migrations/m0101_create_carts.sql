-- One cart for each customer, and what is in it. Every change adds 1 to carts.version in the same
-- transaction, so an order can name exactly the contents that it was made from.

CREATE TABLE carts (
    cart_id uuid PRIMARY KEY,
    customer_id uuid NOT NULL UNIQUE,
    version bigint NOT NULL CHECK (version > 0),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE cart_lines (
    cart_id uuid NOT NULL REFERENCES carts (cart_id),
    sku text COLLATE "C" NOT NULL CHECK (sku ~ '^[A-Z0-9-]{1,64}$'),
    qty bigint NOT NULL CHECK (qty BETWEEN 1 AND 99),
    PRIMARY KEY (cart_id, sku)
);

-- How each finished order changed its cart. The primary key is the second guard after the inbox:
-- the same order under a new message id changes nothing again. No foreign key to carts: an order
-- of a cart that a restore has lost is recorded as well.
CREATE TABLE cart_settlements (
    order_id uuid PRIMARY KEY,
    cart_id uuid NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('CONFIRMED', 'CANCELLED')),
    ordered_version bigint NOT NULL CHECK (ordered_version > 0),
    version_after bigint CHECK (version_after > 0),
    cause_message_id uuid NOT NULL UNIQUE,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE FUNCTION refuse_cart_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the table is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

-- A version never goes back, and a cart never changes its customer: both would let an old order
-- and a new one name the same contents (UNIQUE (cart_id, cart_version) in Order).
CREATE FUNCTION keep_cart_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.version <> OLD.version + 1 OR NEW.customer_id <> OLD.customer_id
        OR NEW.cart_id <> OLD.cart_id THEN
        RAISE EXCEPTION 'a change of a cart adds exactly 1 to its version'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER carts_version_counts BEFORE UPDATE ON carts
    FOR EACH ROW EXECUTE FUNCTION keep_cart_history();
CREATE TRIGGER carts_permanent BEFORE DELETE OR TRUNCATE ON carts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_cart_change();
CREATE TRIGGER cart_settlements_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON cart_settlements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_cart_change();

REVOKE ALL ON carts, cart_lines, cart_settlements FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO cart_app;
GRANT SELECT, INSERT, UPDATE ON carts TO cart_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON cart_lines TO cart_app;
GRANT SELECT, INSERT ON cart_settlements TO cart_app;
