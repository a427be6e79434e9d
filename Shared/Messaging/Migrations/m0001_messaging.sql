-- Outbox, inbox, dead letters and broker epochs: the same four ideas in every service's database.
-- Runs as <service>_owner; the service itself connects as <service>_app.

CREATE SEQUENCE outbox_seq CACHE 1;  -- D6: with a larger cache, seq would not follow commit order

-- D6. One row per message to send. A row for key K is inserted only under K's aggregate row lock,
-- so per key seq order is commit order.
CREATE TABLE outbox (
    message_id   uuid        NOT NULL,
    shard        smallint    NOT NULL CHECK (shard BETWEEN 0 AND 15),
    seq          bigint      NOT NULL DEFAULT nextval('outbox_seq'),
    topic        text        NOT NULL,
    part         integer     NOT NULL CHECK (part >= 0),
    msg_key      bytea       NOT NULL,
    type         text        NOT NULL,
    version      integer     NOT NULL CHECK (version > 0),
    -- [[name, value], ...]; a value that is no UTF-8 text is written as 'base64:...'
    headers      jsonb       NOT NULL,
    payload      bytea       NOT NULL CHECK (octet_length(payload) <= 262144),
    causation_id uuid        NOT NULL,
    published_at timestamptz,
    PRIMARY KEY (message_id)
) PARTITION BY RANGE (message_id);
CREATE INDEX outbox_unpublished ON outbox (shard, seq) WHERE published_at IS NULL;

-- D4. Partitioned by message id, not by arrival: a redelivery after midnight must meet the same row.
CREATE TABLE inbox (
    consumer   text        NOT NULL,
    message_id uuid        NOT NULL,
    outcome    text        NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
) PARTITION BY RANGE (message_id);

-- D15. A record that could not be handled, with its bytes untouched.
CREATE TABLE dead_letters (
    id              uuid        PRIMARY KEY,
    consumer        text        NOT NULL,
    message_id      uuid        NOT NULL,
    type            text,
    topic           text        NOT NULL,
    part            integer     NOT NULL,
    record_offset   bigint      NOT NULL,
    recorded_at     timestamptz,
    msg_key         bytea,
    headers         jsonb       NOT NULL,
    payload         bytea,
    error_class     text        NOT NULL CHECK (error_class IN ('undecodable', 'invariant', 'exhausted', 'unpublishable')),
    error_code      text        NOT NULL,
    error           text        NOT NULL CHECK (octet_length(error) <= 1024),
    attempts        integer     NOT NULL CHECK (attempts >= 1),
    first_failed_at timestamptz NOT NULL DEFAULT now(),
    broker_epoch    bigint      NOT NULL,
    state           text        NOT NULL DEFAULT 'PARKED' CHECK (state IN ('PARKED', 'REPLAYING', 'RESOLVED', 'DISCARDED')),
    replays         integer     NOT NULL DEFAULT 0 CHECK (replays BETWEEN 0 AND 3),
    reason          text        CHECK (state <> 'DISCARDED' OR reason IS NOT NULL),
    UNIQUE (consumer, message_id)
);
CREATE TABLE parked_keys (
    consumer text  NOT NULL,
    msg_key  bytea NOT NULL,
    PRIMARY KEY (consumer, msg_key)
);

-- D9. Which log we are reading: a new row each time the broker turns out to be another one.
CREATE TABLE broker_epochs (
    epoch      bigint      PRIMARY KEY CHECK (epoch >= 1),
    cluster_id text        NOT NULL,
    canary     uuid        NOT NULL,
    cause      text        NOT NULL,
    first_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- When the canary was acknowledged; until then a missing canary is ours to send, not a loss.
    canary_at  timestamptz,
    -- When the refill had run to its end; until then every look goes on with it.
    refilled_at timestamptz
);

-- How far each partition followed: a consumer that has not read the present epoch's log from its
-- start to the end it had then must begin there, whatever offset the group has.
CREATE TABLE consumer_epochs (
    consumer text    NOT NULL,
    topic    text    NOT NULL,
    part     integer NOT NULL,
    epoch    bigint  NOT NULL,
    PRIMARY KEY (consumer, topic, part)
);

-- The smallest version 7 id of an instant.
CREATE FUNCTION id_floor(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
    SELECT (left(digits, 8) || '-' || right(digits, 4) || '-0000-0000-000000000000')::uuid
    FROM (SELECT lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') AS digits) AS floor
$$;

-- Makes the day partitions of inbox and outbox from yesterday to `ahead` days after `at`.
-- CREATE (LIKE) and ATTACH: CREATE ... PARTITION OF would wait for every open insert and make all
-- later ones wait behind it. One caller at a time; the others find the work done.
CREATE FUNCTION make_partitions(at timestamptz, ahead integer DEFAULT 7) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    parent text;
    day    timestamptz;
    child  text;
    made   integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('mercato.partitions'));
    FOREACH parent IN ARRAY ARRAY['outbox', 'inbox'] LOOP
        FOR offset_days IN -1..ahead LOOP
            day := date_trunc('day', at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + make_interval(days => offset_days);
            child := parent || '_' || to_char(day AT TIME ZONE 'UTC', 'YYYYMMDD');
            CONTINUE WHEN to_regclass(child) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', child, parent);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                parent, child, id_floor(day), id_floor(day + interval '1 day'));
            IF parent = 'outbox' THEN
                EXECUTE format('ALTER TABLE %I SET (fillfactor = 70)', child);
            END IF;
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;

-- Drops partitions that nobody needs any more. The outbox is what a lost broker is filled from, the
-- inbox must outlive every log that could be replayed (D4, D6). An outbox day with an unpublished
-- row stays.
CREATE FUNCTION drop_partitions(at timestamptz, outbox_days integer, inbox_days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    child   record;
    waiting boolean;
    dropped integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('mercato.partitions'));
    FOR child IN
        SELECT c.relname AS name, p.relname AS parent
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
        WHERE p.relname IN ('outbox', 'inbox') AND p.relnamespace = 'public'::regnamespace
          AND to_date(right(c.relname, 8), 'YYYYMMDD')
              < (at AT TIME ZONE 'UTC')::date - CASE p.relname WHEN 'outbox' THEN outbox_days ELSE inbox_days END
    LOOP
        waiting := false;
        IF child.parent = 'outbox' THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE published_at IS NULL)', child.name) INTO waiting;
        END IF;
        CONTINUE WHEN waiting;
        EXECUTE format('DROP TABLE %I', child.name);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;

SELECT make_partitions(now());

DO $$
DECLARE app text := regexp_replace(current_user::text, '_owner$', '_app');
BEGIN
    REVOKE ALL ON FUNCTION make_partitions(timestamptz, integer), drop_partitions(timestamptz, integer, integer) FROM PUBLIC;
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', app);
    EXECUTE format('GRANT USAGE ON SEQUENCE outbox_seq TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (published_at) ON outbox TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT ON inbox TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (canary_at, refilled_at) ON broker_epochs TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON consumer_epochs TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (state, replays, reason) ON dead_letters TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON parked_keys TO %I', app);
    EXECUTE format('GRANT EXECUTE ON FUNCTION make_partitions(timestamptz, integer), drop_partitions(timestamptz, integer, integer) TO %I', app);
END $$;
