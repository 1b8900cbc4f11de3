-- The directory: people, blocks, follows, revocations and products, which belong to the main back end where it shares this
-- database, and to us where it does not. Its id columns may be integers, uuids or text; ours are text. bind_directory()
-- looks at what is there and writes the functions that the rest of the SQL calls, with the casts that keep the main back
-- end's indexes usable. `chatserver migrate` calls it every time, so a table that appears later is picked up by the next
-- deploy.
--
-- One row is answered for each id that is asked for and known, whatever the main back end's tables hold: views without keys,
-- several profiles of one person, the same person twice, columns that are NULL, blank or missing. What is asked in batches
-- relies on it. Of several rows the same one is shown each time.
--
-- In what is written, parameters are $1 and $2: a name would mean a column of that name where the main back end has one.

-- An id in an expression of text, as the type of a column: with its index, and NULL (which equals nothing) where
-- it cannot be one of the column's values.
CREATE FUNCTION directory_cast(tbl regclass, col text, expression text) RETURNS text
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

-- An expression of a column as text where the table has it, of NULL where it does not.
CREATE FUNCTION directory_column(tbl regclass, col text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = tbl AND a.attname = col AND NOT a.attisdropped
    ) THEN format('t.%I::text', col) ELSE 'NULL::text' END
$$;

-- The query for the one row of a person in a table of people: `asked.id` is whom it looks for, and `display` the
-- expression of their display name, in which %s is the table's own.
CREATE FUNCTION directory_person(tbl text, display text) RETURNS text LANGUAGE sql STABLE AS $$
    -- OFFSET 0: or the order could choose another index than that of the ids.
    SELECT format(
        $q$SELECT named.user_id, named.username, named.email, %7$s AS display_name, named.avatar_url FROM (
               SELECT found.user_id, coalesce(found.username, found.user_id) AS username, found.email,
                   found.display_name, found.avatar_url
               FROM (SELECT t.user_id::text AS user_id, CASE WHEN btrim(%1$s) <> '' THEN %1$s END AS username,
                         %2$s AS email, CASE WHEN btrim(%3$s) <> '' THEN %3$s END AS display_name, %4$s AS avatar_url
                     FROM %5$s t WHERE t.user_id = %6$s OFFSET 0) found
               ORDER BY found.user_id <> asked.id, found.user_id COLLATE "C", found.username COLLATE "C",
                   found.email COLLATE "C", found.display_name COLLATE "C", found.avatar_url COLLATE "C"
               LIMIT 1) named$q$,
        directory_column(tbl::regclass, 'username'), directory_column(tbl::regclass, 'email'),
        directory_column(tbl::regclass, 'display_name'), directory_column(tbl::regclass, 'avatar_url'), tbl,
        directory_cast(tbl::regclass, 'user_id', 'asked.id'), format(display, 'named.display_name'))
$$;

-- Makes those of the directory's tables that are not there.
CREATE FUNCTION make_directory() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS chat_users (
        user_id text COLLATE "C" PRIMARY KEY CHECK (length(user_id) BETWEEN 1 AND 64),
        username text NOT NULL, email text, display_name text, avatar_url text);
    CREATE TABLE IF NOT EXISTS blocked_relationships (
        blocker_id text COLLATE "C" NOT NULL, blocked_id text COLLATE "C" NOT NULL,
        PRIMARY KEY (blocker_id, blocked_id));
    CREATE TABLE IF NOT EXISTS user_follows (
        follower_id text COLLATE "C" NOT NULL, followee_id text COLLATE "C" NOT NULL,
        PRIMARY KEY (follower_id, followee_id));
    CREATE TABLE IF NOT EXISTS jwt_revocation (
        jti text COLLATE "C" PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS products (
        id text COLLATE "C" PRIMARY KEY, title text, image text);
    -- Who blocked a person is asked as often as whom they blocked. Another's table has the indexes that its owner gave it.
    IF EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('blocked_relationships') AND relkind = 'r'
               AND pg_get_userbyid(relowner) = current_user) THEN
        CREATE INDEX IF NOT EXISTS blocked_relationships_blocked ON blocked_relationships (blocked_id, blocker_id);
    END IF;
END
$$;

-- Refuses a table of the directory that lacks a column without which it means nothing, by both names.
CREATE FUNCTION check_directory() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    needed record;
BEGIN
    FOR needed IN
        SELECT * FROM (VALUES ('users_auth', 'user_id'), ('user_profile_info', 'user_id'), ('chat_users', 'user_id'),
            ('blocked_relationships', 'blocker_id'), ('blocked_relationships', 'blocked_id'),
            ('user_follows', 'follower_id'), ('user_follows', 'followee_id'), ('jwt_revocation', 'jti'),
            ('products', 'id')) AS n (tbl, col)
    LOOP
        IF to_regclass(needed.tbl) IS NOT NULL AND NOT EXISTS (
            SELECT FROM pg_attribute a
            WHERE a.attrelid = to_regclass(needed.tbl) AND a.attname = needed.col AND NOT a.attisdropped
        ) THEN
            RAISE EXCEPTION 'the table % has no column %', needed.tbl, needed.col USING ERRCODE = 'undefined_column';
        END IF;
    END LOOP;
END
$$;

-- Writes directory_users(): of each of the ids that is somebody's, one row.
CREATE FUNCTION bind_people() RETURNS void LANGUAGE plpgsql AS $fn$
DECLARE
    main regclass;
    profile regclass;
    people text;
BEGIN
    main := to_regclass('users_auth');
    profile := to_regclass('user_profile_info');
    people := directory_person('chat_users', 'coalesce(%s, named.username)');
    IF main IS NOT NULL THEN
        people := format(
            'SELECT * FROM (SELECT 1 AS rank, main.* FROM (%s) main UNION ALL SELECT 2, ours.* FROM (%s) ours) found '
            'ORDER BY found.rank LIMIT 1',
            directory_person('users_auth', CASE WHEN profile IS NULL THEN 'named.username'
                ELSE format(
                    -- Whatever profiles a person has, their name is one.
                    $n$coalesce((SELECT min(nullif(btrim(concat_ws(' ', %s, %s)), '')) FROM user_profile_info t
                       WHERE t.user_id = %s), named.username)$n$,
                    directory_column(profile, 'first_name'), directory_column(profile, 'last_name'),
                    directory_cast(profile, 'user_id', 'named.user_id')) END),
            people);
        people := format('SELECT f.user_id, f.username, f.email, f.display_name, f.avatar_url FROM (%s) f', people);
    END IF;
    EXECUTE format($q$CREATE OR REPLACE FUNCTION directory_users(ids text[])
        RETURNS TABLE (user_id text, username text, email text, display_name text, avatar_url text)
        LANGUAGE sql STABLE AS $b$
            SELECT one.* FROM unnest(ids) AS asked (id) CROSS JOIN LATERAL (%s) one $b$ $q$, people);
END
$fn$;

-- Writes what is asked of two people. What comes with every message is PL/pgSQL.
CREATE FUNCTION bind_relations() RETURNS void LANGUAGE plpgsql AS $fn$
BEGIN
    -- Blocks work both ways: every question is about the pair.
    EXECUTE format($q$CREATE OR REPLACE FUNCTION directory_blocked(a text, b text) RETURNS boolean
        LANGUAGE plpgsql STABLE AS $b$
        BEGIN
            RETURN EXISTS (SELECT FROM blocked_relationships WHERE blocker_id = %1$s AND blocked_id = %2$s)
                OR EXISTS (SELECT FROM blocked_relationships WHERE blocker_id = %3$s AND blocked_id = %4$s);
        END
        $b$ $q$,
        directory_cast('blocked_relationships', 'blocker_id', '$1'),
        directory_cast('blocked_relationships', 'blocked_id', '$2'),
        directory_cast('blocked_relationships', 'blocker_id', '$2'),
        directory_cast('blocked_relationships', 'blocked_id', '$1'));
    EXECUTE format($q$CREATE OR REPLACE FUNCTION directory_blocks_of(a text)
        RETURNS TABLE (user_id text, by_me boolean) LANGUAGE sql STABLE AS $b$
            SELECT blocked_id::text, true FROM blocked_relationships
            WHERE blocker_id = %1$s AND blocked_id IS NOT NULL
            UNION ALL
            SELECT blocker_id::text, false FROM blocked_relationships
            WHERE blocked_id = %2$s AND blocker_id IS NOT NULL
        $b$ $q$,
        directory_cast('blocked_relationships', 'blocker_id', '$1'),
        directory_cast('blocked_relationships', 'blocked_id', '$1'));
    -- Whether there was something to write. NULL: the table cannot hold this pair (an id out of its column's range, or
    -- nobody there).
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
    EXECUTE format($q$CREATE OR REPLACE FUNCTION directory_unblock(a text, b text) RETURNS boolean
        LANGUAGE sql VOLATILE AS $b$
            WITH gone AS (
                DELETE FROM blocked_relationships WHERE blocker_id = %1$s AND blocked_id = %2$s RETURNING 1)
            SELECT EXISTS (SELECT FROM gone)
        $b$ $q$,
        directory_cast('blocked_relationships', 'blocker_id', '$1'),
        directory_cast('blocked_relationships', 'blocked_id', '$2'));
    EXECUTE format($q$CREATE OR REPLACE FUNCTION directory_follows(a text, b text) RETURNS boolean
        LANGUAGE plpgsql STABLE AS $b$
        BEGIN
            RETURN EXISTS (SELECT FROM user_follows WHERE follower_id = %1$s AND followee_id = %2$s)
                OR EXISTS (SELECT FROM user_follows WHERE follower_id = %3$s AND followee_id = %4$s);
        END
        $b$ $q$,
        directory_cast('user_follows', 'follower_id', '$1'), directory_cast('user_follows', 'followee_id', '$2'),
        directory_cast('user_follows', 'follower_id', '$2'), directory_cast('user_follows', 'followee_id', '$1'));
END
$fn$;

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

-- Writes what is asked about revoked tokens, and has a revocation told where the table is ours.
CREATE FUNCTION bind_revocations() RETURNS void LANGUAGE plpgsql AS $fn$
BEGIN
    EXECUTE format($q$CREATE OR REPLACE FUNCTION directory_revoked(token_id text) RETURNS boolean
        LANGUAGE plpgsql STABLE AS $b$
        BEGIN
            RETURN EXISTS (SELECT FROM jwt_revocation WHERE jti = %s);
        END
        $b$ $q$,
        directory_cast('jwt_revocation', 'jti', '$1'));
    EXECUTE format($q$CREATE OR REPLACE FUNCTION directory_revoked_among(token_ids text[]) RETURNS SETOF text
        LANGUAGE sql STABLE AS $b$
            SELECT asked.id FROM unnest($1) AS asked (id)
            -- One by one: EXISTS may be turned into a join, which reads the whole table.
            WHERE (SELECT true FROM jwt_revocation t WHERE t.jti = %s LIMIT 1)
        $b$ $q$,
        directory_cast('jwt_revocation', 'jti', 'asked.id'));
    -- Another's table is not even locked.
    IF revocations_are_told() AND NOT revocations_are_ours() THEN
        DROP TRIGGER chatserver_revoked ON jwt_revocation;
    ELSIF revocations_are_ours() AND NOT revocations_are_told() THEN
        CREATE TRIGGER chatserver_revoked AFTER INSERT OR UPDATE ON jwt_revocation
            FOR EACH ROW WHEN (length(NEW.jti) <= 255) EXECUTE FUNCTION tell_revoked();
    END IF;
END
$fn$;

-- Writes what is asked about products, which need not exist (any more).
CREATE FUNCTION bind_products() RETURNS void LANGUAGE plpgsql AS $fn$
BEGIN
    EXECUTE format($q$CREATE OR REPLACE FUNCTION directory_product(product text)
        RETURNS TABLE (title text, image text)
        LANGUAGE sql STABLE AS $b$
            SELECT found.* FROM (SELECT %s, %s FROM products t WHERE t.id = %s OFFSET 0) found ORDER BY 1, 2 LIMIT 1
        $b$ $q$,
        directory_column('products', 'title'), directory_column('products', 'image'),
        directory_cast('products', 'id', '$1'));
    -- One product, one conversation, however its id is spelled.
    EXECUTE format($q$CREATE OR REPLACE FUNCTION directory_product_id(product text) RETURNS text
        LANGUAGE sql IMMUTABLE AS $b$ SELECT coalesce(%s::text, $1) $b$ $q$,
        directory_cast('products', 'id', '$1'));
END
$fn$;

-- Writes fold_name(): names as they are compared, as NFKC_Casefold has them, whatever the database's locale is. (Each time,
-- since a database may have moved to where other collations are.) lower() knows letters beyond ASCII where its collation
-- does; of those that do, the first that is there.
CREATE FUNCTION bind_names() RETURNS void LANGUAGE plpgsql AS $fn$
DECLARE
    folding text := coalesce((
        SELECT c.collname FROM unnest(ARRAY['pg_c_utf8', 'C.utf8', 'und-x-icu']) WITH ORDINALITY AS wanted (name, nth)
        JOIN pg_collation c ON c.collname = wanted.name AND c.collencoding IN (-1, pg_char_to_encoding('UTF8'))
            AND c.collnamespace = 'pg_catalog'::regnamespace
        ORDER BY wanted.nth LIMIT 1), 'default');
BEGIN
    -- What lower() leaves of case, and characters that show nothing. Nearly all names are ASCII, and cost little.
    EXECUTE format($q$CREATE OR REPLACE FUNCTION fold_name(name text) RETURNS text
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $b$
            SELECT CASE WHEN octet_length(name) = length(name) THEN lower(name COLLATE %1$I) ELSE
                regexp_replace(
                    replace(replace(
                        lower(replace(normalize(name, NFKC), 'İ', U&'i\0307') COLLATE %1$I), 'ß', 'ss'), 'ς', 'σ'),
                    '[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f'
                    '\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a'
                    '\U000e0000-\U000e0fff]', '', 'g') END
        $b$ $q$, folding);
END
$fn$;

-- Everything that depends on what the directory's tables are.
CREATE FUNCTION bind_directory() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM check_directory();
    PERFORM make_directory();
    PERFORM bind_people(), bind_relations(), bind_revocations(), bind_products(), bind_names();
END
$$;
SELECT bind_directory();

-- The people meant by `ids`, each once and as the directory spells them, and the ids that are nobody's.
CREATE FUNCTION find_people(ids text[], OUT known text[], OUT unknown text[]) LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT coalesce(array_agg(DISTINCT u.user_id) FILTER (WHERE u.user_id IS NOT NULL), '{}'),
        coalesce(array_agg(DISTINCT a.id) FILTER (WHERE u.user_id IS NULL), '{}')
    INTO known, unknown
    FROM unnest(ids) AS a (id) LEFT JOIN LATERAL directory_users(ARRAY[a.id]) u ON true;
END
$$;

-- Those of `ids` with a block between them and `person`, whoever of the two blocked.
CREATE FUNCTION blocked_among(person text, ids text[]) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(SELECT DISTINCT a.id FROM unnest(ids) AS a (id) WHERE directory_blocked(person, a.id));
END
$$;
