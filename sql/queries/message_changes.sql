-- Each locks, judges and writes in one round trip (migrations/0004_message_changes.sql, 0008_own_views.sql).

-- name: edit_message
SELECT verdict, conversation_id, seq FROM edit_message($1, $2, $3, $4, $5, $6, $7);

-- name: erase_message
SELECT verdict, conversation_id, seq FROM erase_message($1, $2);

-- name: delete_message_for_self
SELECT verdict, conversation_id, seq FROM delete_message_for_self($1, $2);

-- name: add_reaction
SELECT verdict, conversation_id, seq FROM add_reaction($1, $2, $3);

-- name: remove_reaction
SELECT verdict, conversation_id, seq FROM remove_reaction($1, $2, $3);

-- name: set_pin
SELECT verdict, conversation_id, seq FROM set_pin($1, $2, $3);

-- name: hide_conversation
SELECT verdict, seq FROM hide_conversation($1, $2);

-- name: mark_unread
SELECT verdict, seq FROM mark_unread($1, $2);

-- name: set_conversation_block
SELECT verdict, seq, blocked_by FROM set_conversation_block($1, $2, $3);
