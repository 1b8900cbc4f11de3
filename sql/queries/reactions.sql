-- Each locks, judges and writes in one round trip (migrations/0006_changes.sql).

-- name: add_reaction
SELECT verdict, conversation_id, seq FROM add_reaction($1, $2, $3, $4);

-- name: remove_reaction
SELECT verdict, conversation_id, seq FROM remove_reaction($1, $2, $3);
