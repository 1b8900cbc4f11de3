-- Each locks, judges and writes in one round trip (migrations/0003_conversations.sql, 0014_settings.sql).

-- name: hide_conversation
SELECT verdict, seq FROM hide_conversation($1, $2);

-- name: mark_unread
SELECT verdict, seq FROM mark_unread($1, $2);

-- name: set_conversation_settings
SELECT verdict, seq, settings FROM set_conversation_settings($1, $2, $3, $4, $5, $6, $7);

-- name: revivals
-- The conversations that a message has brought back to those who archived them, at most $1.
SELECT conversation_id FROM revivals LIMIT $1;

-- name: revive
SELECT user_id, seq FROM revive($1, $2);
