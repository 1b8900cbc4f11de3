-- What `chatserver doctor` asks.

-- name: doctor_server
-- Everybody may ask for all of this; pg_stat_replication shows at least that there is somebody.
SELECT current_setting('server_version') AS version,
    current_setting('server_version_num')::int AS version_num,
    current_setting('server_encoding') AS encoding,
    current_setting('fsync')::bool AS fsync,
    current_setting('full_page_writes')::bool AS full_page_writes,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('synchronous_standby_names') <> '' AS synchronous_standbys,
    (SELECT count(*) FROM pg_stat_replication) AS followers,
    pg_is_in_recovery() AS in_recovery,
    current_setting('default_transaction_read_only')::bool AS read_only,
    current_setting('default_transaction_isolation') AS isolation,
    pg_jit_available() AS jit,
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        -- Since PostgreSQL 16.
        - coalesce(current_setting('reserved_connections', true)::int, 0) AS slots,
    clock_timestamp() AS clock;

-- name: doctor_open_schemas
-- The schemas that our tables and functions are looked for in, and everybody may put their own into.
SELECT s.name FROM unnest(current_schemas(false)) AS s (name) WHERE has_schema_privilege('public', s.name, 'CREATE');

-- name: doctor_push
-- For how many seconds nobody has read the log for notifications, and since when the oldest of them waits; NULL: never, none.
SELECT extract(epoch FROM clock_timestamp() - (SELECT c.read_at FROM log_consumers c WHERE c.name = 'push'))::float8 AS silence,
    extract(epoch FROM clock_timestamp() - (SELECT min(n.begun_at) FROM push_notices n))::float8 AS oldest;

-- name: doctor_room
-- Makes a file grow by a megabyte, as the next message may; gone with the transaction.
CREATE TEMPORARY TABLE chatserver_doctor ON COMMIT DROP AS
SELECT repeat(md5(n::text), 30) AS filling FROM generate_series(1, 1000) AS n;

-- name: doctor_newest
SELECT coalesce(max(version), 0) AS version FROM schema_migrations;

-- name: doctor_directory
-- The directory's tables that are there, with the type of their ids.
SELECT t.name, format_type(a.atttypid, a.atttypmod) AS type
FROM (VALUES (1, 'users_auth', 'user_id'), (2, 'user_profile_info', 'user_id'), (3, 'chat_users', 'user_id'),
    (4, 'blocked_relationships', 'blocker_id'), (5, 'user_follows', 'follower_id'), (6, 'jwt_revocation', 'jti'),
    (7, 'products', 'id')) AS t (place, name, col)
JOIN pg_class c ON c.oid = to_regclass(t.name)
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = t.col AND NOT a.attisdropped
ORDER BY t.place;

-- name: doctor_bound
-- What bind_directory() made of the tables that it found.
SELECT prosrc AS source FROM pg_proc WHERE oid = to_regprocedure('directory_users(text[])');

-- name: doctor_ask_directory
-- Each function once; nobody has these ids.
SELECT (SELECT count(*) FROM directory_users(ARRAY['-'])), directory_blocked('-', '.'), directory_follows('-', '.'),
    (SELECT count(*) FROM directory_blocks_of('-')), directory_revoked('-'),
    (SELECT count(*) FROM directory_product('-'));

-- name: doctor_somebody
-- Whether one of the tables of people has had a row; a view may have.
SELECT coalesce(bool_or(relkind NOT IN ('r', 'm') OR pg_relation_size(oid) > 0), false) AS found
FROM pg_class WHERE oid IN (to_regclass('users_auth'), to_regclass('chat_users'));

-- name: doctor_keys
SELECT DISTINCT key_id FROM (
    (SELECT key_id FROM messages WHERE ciphertext IS NOT NULL ORDER BY id LIMIT 1000)
    UNION ALL
    (SELECT key_id FROM messages WHERE ciphertext IS NOT NULL ORDER BY id DESC LIMIT 1000)) AS sample;

-- name: doctor_search
-- How many segments of 256 messages there could be, and how many there are.
SELECT (SELECT coalesce(sum(c.last_number / 256), 0)::int8 FROM conversations c WHERE c.is_active) AS possible,
    (SELECT count(*) FROM search_segments s WHERE s.is_full) AS built;
