-- What operators do with dead letters (D15): when one was replayed last, when it was settled, and the
-- error of the last attempt instead of the first.
ALTER TABLE dead_letters ADD COLUMN replayed_at timestamptz, ADD COLUMN settled_at timestamptz;

-- Open letters are few, settled ones stay for the record.
CREATE INDEX dead_letters_open ON dead_letters (id) WHERE state IN ('PARKED', 'REPLAYING');

DO $$
DECLARE app text := regexp_replace(current_user::text, '_owner$', '_app');
BEGIN
    EXECUTE format('GRANT UPDATE (error_class, error_code, error, replayed_at, settled_at) ON dead_letters TO %I', app);
END $$;
