-- The directory once more: ids are judged by the range of the very column that they are compared with, a block
-- that the main back end's table cannot hold is told from one that changed nothing, product ids have one
-- spelling, and revocations can be asked for in batches and are told at once where their table is ours.

-- An id in an expression of text, as the type of a column: with its index, and NULL (which equals nothing) where
-- it cannot be one of the column's values.
CREATE OR REPLACE FUNCTION directory_cast(tbl regclass, col text, expression text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN most IS NOT NULL
            -- One digit less than the largest value is always within it; of as many, the text tells.
            THEN format($f$(CASE WHEN %1$s ~ '^(0|[1-9][0-9]{0,%3$s})$'
                OR (%1$s ~ '^[1-9][0-9]{%4$s}$' AND %1$s COLLATE "C" <= %2$L)
                THEN (%1$s)::%5$s END)$f$, expression, most, length(most) - 2, length(most) - 1, base)
        WHEN base = 'numeric'::regtype
            THEN format($f$(CASE WHEN %1$s ~ '^(0|[1-9][0-9]{0,63})$' THEN (%1$s)::numeric END)$f$, expression)
        WHEN base = 'uuid'::regtype
            THEN format($f$(CASE WHEN %1$s ~* '^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$' THEN (%1$s)::uuid END)$f$, expression)
        WHEN base = 'bpchar'::regtype THEN format('(%s)::bpchar', expression)
        ELSE format('(%s)', expression)
    END
    FROM (
        SELECT a.atttypid::regtype AS base FROM pg_attribute a
        WHERE a.attrelid = tbl AND a.attname = col AND NOT a.attisdropped
    ) column_type
    CROSS JOIN LATERAL (SELECT CASE base
        WHEN 'int2'::regtype THEN '32767'
        WHEN 'int4'::regtype THEN '2147483647'
        WHEN 'int8'::regtype THEN '9223372036854775807' END) largest (most)
$$;

-- Whether jwt_revocation is the table that we made: no main back end's has a jti and nothing else, byte by byte.
CREATE FUNCTION revocations_are_ours() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT count(*) = 1 AND bool_and(a.attname = 'jti' AND a.atttypid = 'text'::regtype AND c.collname = 'C')
    FROM pg_attribute a LEFT JOIN pg_collation c ON c.oid = a.attcollation
    WHERE a.attrelid = to_regclass('jwt_revocation') AND a.attnum > 0 AND NOT a.attisdropped
$$;

CREATE FUNCTION revocations_are_told() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM pg_trigger
                   WHERE tgrelid = to_regclass('jwt_revocation') AND tgname = 'chatserver_revoked')
$$;

-- Tells every process of a revoked token. pg_notify is given 8,000 bytes at most; a longer jti is no token's.
CREATE FUNCTION tell_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('chatserver_revoked', NEW.jti);
    RETURN NULL;
END
$$;

ALTER FUNCTION bind_directory() RENAME TO bind_people;

-- Everything that depends on what the directory's tables are. `chatserver migrate` calls it every time.
CREATE FUNCTION bind_directory() RETURNS void LANGUAGE plpgsql AS $fn$
BEGIN
    PERFORM bind_people();
    -- NULL: the main back end's table cannot hold this pair (an id out of its column's range, or nobody there).
    EXECUTE format($q$CREATE OR REPLACE FUNCTION directory_block(a text, b text) RETURNS boolean
        LANGUAGE plpgsql VOLATILE AS $b$
        DECLARE
            written bigint;
        BEGIN
            IF %1$s IS NULL OR %2$s IS NULL THEN
                RETURN NULL;
            END IF;
            INSERT INTO blocked_relationships (blocker_id, blocked_id) SELECT %1$s, %2$s
            WHERE NOT EXISTS (SELECT FROM blocked_relationships WHERE blocker_id = %1$s AND blocked_id = %2$s)
            ON CONFLICT DO NOTHING;
            GET DIAGNOSTICS written = ROW_COUNT;
            -- A deferred key is judged here, where there is somebody to hear of it.
            SET CONSTRAINTS ALL IMMEDIATE;
            RETURN written > 0;
        EXCEPTION WHEN foreign_key_violation OR numeric_value_out_of_range
            OR string_data_right_truncation THEN
            RETURN NULL;
        END
        $b$ $q$,
        directory_cast('blocked_relationships', 'blocker_id', '$1'),
        directory_cast('blocked_relationships', 'blocked_id', '$2'));
    EXECUTE format($q$CREATE OR REPLACE FUNCTION directory_revoked_among(token_ids text[]) RETURNS SETOF text
        LANGUAGE sql STABLE AS $b$
            SELECT asked.id FROM unnest($1) AS asked (id) JOIN jwt_revocation t ON t.jti = %s
        $b$ $q$,
        directory_cast('jwt_revocation', 'jti', 'asked.id'));
    -- One product, one conversation, however its id is spelled. A product need not exist (any more).
    EXECUTE format($q$CREATE OR REPLACE FUNCTION directory_product_id(product text) RETURNS text
        LANGUAGE sql IMMUTABLE AS $b$ SELECT coalesce(%s::text, $1) $b$ $q$,
        directory_cast('products', 'id', '$1'));
    -- Another's table is not even locked.
    IF revocations_are_told() AND NOT revocations_are_ours() THEN
        DROP TRIGGER chatserver_revoked ON jwt_revocation;
    ELSIF revocations_are_ours() AND NOT revocations_are_told() THEN
        CREATE TRIGGER chatserver_revoked AFTER INSERT OR UPDATE ON jwt_revocation
            FOR EACH ROW WHEN (length(NEW.jti) <= 255) EXECUTE FUNCTION tell_revoked();
    END IF;
END
$fn$;

SELECT bind_directory();

-- Blocks or unblocks a person, under the lock of every direct conversation of the two, so that a send
-- that waits for it sees the block. verdict: 'done', or 'unknown' where the directory's table cannot hold the
-- block. No row where nothing changed.
DROP FUNCTION set_user_block(text, text, boolean);
CREATE FUNCTION set_user_block(caller text, target text, block boolean)
RETURNS TABLE (verdict text, stream_id uuid, seq bigint) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    changed boolean;
BEGIN
    PERFORM lock_pair(caller, target);
    PERFORM FROM conversations c
    WHERE c.type = 'direct' AND c.user_low = least(caller COLLATE "C", target COLLATE "C")
        AND c.user_high = greatest(caller COLLATE "C", target COLLATE "C")
    ORDER BY c.id FOR UPDATE;
    IF block THEN
        changed := directory_block(caller, target);
    ELSE
        changed := directory_unblock(caller, target);
    END IF;
    IF changed THEN
        RETURN QUERY SELECT 'done', p.stream_id, p.seq FROM append_personal(
            caller, CASE WHEN block THEN 'user:blocked' ELSE 'user:unblocked' END,
            jsonb_build_object('userId', target)) p;
    ELSIF changed IS NULL THEN
        RETURN QUERY SELECT 'unknown', NULL::uuid, NULL::bigint;
    END IF;
END
$$;
