-- The directory: people, blocks, follows, revocations and products, which belong to the main back end
-- where it shares this database, and to us where it does not. Its id columns may be integers, uuids or
-- text; ours are text. bind_directory() looks at what is there and writes the functions that the rest of
-- the SQL calls, with the casts that keep the main back end's indexes usable. `chatserver migrate` calls
-- it every time, so a table that appears later is picked up by the next deploy.

CREATE FUNCTION directory_cast(tbl regclass, col text, expression text) RETURNS text
LANGUAGE sql STABLE AS $$
    -- An id that cannot be one of the column's values becomes NULL, which equals nothing.
    SELECT CASE
        WHEN a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype)
            -- Of 19 digits (snowflakes), the text tells whether they are within 2^63.
            THEN format($f$(CASE WHEN %1$s ~ '^(0|[1-9][0-9]{0,17})$'
                OR (%1$s ~ '^[1-9][0-9]{18}$' AND %1$s COLLATE "C" <= '9223372036854775807')
                THEN (%1$s)::int8 END)$f$, expression)
        WHEN a.atttypid = 'uuid'::regtype
            THEN format($f$(CASE WHEN %1$s ~* '^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$' THEN (%1$s)::uuid END)$f$, expression)
        ELSE format('(%s)', expression)
    END
    FROM pg_attribute a WHERE a.attrelid = tbl AND a.attname = col AND NOT a.attisdropped
$$;

CREATE FUNCTION directory_column(tbl regclass, col text) RETURNS text
LANGUAGE sql STABLE AS $$
    -- The column as text where the table has it, NULL where it does not.
    SELECT CASE WHEN EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = tbl AND a.attname = col AND NOT a.attisdropped
    ) THEN format('t.%I::text', col) ELSE 'NULL::text' END
$$;

CREATE FUNCTION bind_directory() RETURNS void LANGUAGE plpgsql AS $fn$
DECLARE
    main regclass;
    profile regclass;
    people text;
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

    main := to_regclass('users_auth');
    profile := to_regclass('user_profile_info');
    people := format(
        $q$SELECT t.user_id::text, t.username::text, %s, coalesce(%s, t.username::text), %s
           FROM unnest(ids) AS asked (id) JOIN chat_users t ON t.user_id = %s$q$,
        directory_column('chat_users', 'email'), directory_column('chat_users', 'display_name'),
        directory_column('chat_users', 'avatar_url'),
        directory_cast('chat_users', 'user_id', 'asked.id'));
    IF main IS NOT NULL THEN
        people := format(
            $q$SELECT t.user_id::text, t.username::text, %s, coalesce(%s, t.username::text), %s
               FROM unnest(ids) AS asked (id) JOIN users_auth t ON t.user_id = %s %s
               UNION ALL %s WHERE NOT EXISTS (SELECT FROM users_auth m WHERE m.user_id = %s)$q$,
            directory_column(main, 'email'),
            CASE WHEN profile IS NULL THEN 'NULL::text'
                 ELSE $n$nullif(btrim(concat_ws(' ', p.first_name, p.last_name)), '')$n$ END,
            directory_column(main, 'avatar_url'),
            directory_cast(main, 'user_id', 'asked.id'),
            CASE WHEN profile IS NULL THEN ''
                 ELSE 'LEFT JOIN user_profile_info p ON p.user_id = '
                      || directory_cast(profile, 'user_id', 't.user_id::text') END,
            people, directory_cast(main, 'user_id', 'asked.id'));
    END IF;
    EXECUTE format($q$CREATE OR REPLACE FUNCTION directory_users(ids text[])
        RETURNS TABLE (user_id text, username text, email text, display_name text, avatar_url text)
        LANGUAGE sql STABLE AS $b$ %s $b$ $q$, people);

    -- Parameters are $1 and $2 below: a name would mean a column of that name where the main back end has one.
    -- Blocks work both ways: every question is about the pair.
    EXECUTE format($q$CREATE OR REPLACE FUNCTION directory_blocked(a text, b text) RETURNS boolean
        LANGUAGE sql STABLE AS $b$ SELECT
            EXISTS (SELECT FROM blocked_relationships WHERE blocker_id = %1$s AND blocked_id = %2$s)
            OR EXISTS (SELECT FROM blocked_relationships WHERE blocker_id = %3$s AND blocked_id = %4$s)
        $b$ $q$,
        directory_cast('blocked_relationships', 'blocker_id', '$1'),
        directory_cast('blocked_relationships', 'blocked_id', '$2'),
        directory_cast('blocked_relationships', 'blocker_id', '$2'),
        directory_cast('blocked_relationships', 'blocked_id', '$1'));
    EXECUTE format($q$CREATE OR REPLACE FUNCTION directory_blocks_of(a text)
        RETURNS TABLE (user_id text, by_me boolean) LANGUAGE sql STABLE AS $b$
            SELECT blocked_id::text, true FROM blocked_relationships WHERE blocker_id = %1$s
            UNION ALL
            SELECT blocker_id::text, false FROM blocked_relationships WHERE blocked_id = %2$s
        $b$ $q$,
        directory_cast('blocked_relationships', 'blocker_id', '$1'),
        directory_cast('blocked_relationships', 'blocked_id', '$1'));
    EXECUTE format($q$CREATE OR REPLACE FUNCTION directory_block(a text, b text) RETURNS boolean
        LANGUAGE sql VOLATILE AS $b$
            WITH written AS (
                INSERT INTO blocked_relationships (blocker_id, blocked_id) SELECT %1$s, %2$s
                WHERE NOT EXISTS (SELECT FROM blocked_relationships WHERE blocker_id = %1$s AND blocked_id = %2$s)
                ON CONFLICT DO NOTHING RETURNING 1)
            SELECT EXISTS (SELECT FROM written)
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
        LANGUAGE sql STABLE AS $b$ SELECT
            EXISTS (SELECT FROM user_follows WHERE follower_id = %1$s AND followee_id = %2$s)
            OR EXISTS (SELECT FROM user_follows WHERE follower_id = %3$s AND followee_id = %4$s)
        $b$ $q$,
        directory_cast('user_follows', 'follower_id', '$1'), directory_cast('user_follows', 'followee_id', '$2'),
        directory_cast('user_follows', 'follower_id', '$2'), directory_cast('user_follows', 'followee_id', '$1'));
    EXECUTE format($q$CREATE OR REPLACE FUNCTION directory_revoked(token_id text) RETURNS boolean
        LANGUAGE sql STABLE AS $b$ SELECT EXISTS (SELECT FROM jwt_revocation WHERE jti = %s) $b$ $q$,
        directory_cast('jwt_revocation', 'jti', '$1'));
    EXECUTE format($q$CREATE OR REPLACE FUNCTION directory_product(product text)
        RETURNS TABLE (title text, image text)
        LANGUAGE sql STABLE AS $b$ SELECT %s, %s FROM products t WHERE t.id = %s $b$ $q$,
        directory_column('products', 'title'), directory_column('products', 'image'),
        directory_cast('products', 'id', '$1'));
END
$fn$;

SELECT bind_directory();
