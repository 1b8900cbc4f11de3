-- name: post_message
-- Locks, judges and writes one message in one round trip (migrations/0005_posting.sql).
SELECT * FROM post_message($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: post_messages
-- Does so with a batch in one round trip (migrations/0005_posting.sql).
SELECT * FROM post_messages($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: message_by_id
-- $1 the reader, $2 the message: only where the reader is a member now, and has not deleted it for themselves.
SELECT m.* FROM (SELECT x.conversation_id, x.seq FROM messages x WHERE x.id = $2 LIMIT 1) found
CROSS JOIN LATERAL (
    SELECT p.hidden_seq FROM participants p
    WHERE p.conversation_id = found.conversation_id AND p.user_id = $1 AND p.left_seq IS NULL LIMIT 1) me
CROSS JOIN LATERAL shown_rows_of(found.conversation_id, ARRAY[found.seq]) m
WHERE found.seq > me.hidden_seq
    AND (SELECT d.seq FROM message_deletions d WHERE d.conversation_id = found.conversation_id
             AND d.user_id = $1 AND d.seq = found.seq LIMIT 1) IS NULL;

-- name: unknown_message
-- The first of the ids $1 that is no message's.
SELECT asked.id FROM unnest($1::uuid[]) WITH ORDINALITY AS asked (id, position)
WHERE (SELECT x.seq FROM messages x WHERE x.id = asked.id LIMIT 1) IS NULL
ORDER BY asked.position LIMIT 1;

-- name: last_messages
-- The newest message that the reader $1 sees in each of the conversations $2.
SELECT m.* FROM unnest($2::uuid[]) AS asked (id)
CROSS JOIN LATERAL (
    SELECT p.hidden_seq FROM participants p
    WHERE p.conversation_id = asked.id AND p.user_id = $1 AND p.left_seq IS NULL LIMIT 1) me
CROSS JOIN LATERAL (
    SELECT x.seq FROM messages x
    WHERE x.conversation_id = asked.id AND x.seq > me.hidden_seq
        AND (SELECT d.seq FROM message_deletions d
             WHERE d.conversation_id = asked.id AND d.user_id = $1 AND d.seq = x.seq LIMIT 1) IS NULL
    ORDER BY x.seq DESC LIMIT 1) newest
CROSS JOIN LATERAL shown_rows_of(asked.id, ARRAY[newest.seq]) m;

-- name: shown_messages
-- The messages $3 of the conversations $2 (one for each), as they are now, where $1 is a member now.
SELECT m.* FROM unnest($2::uuid[], $3::uuid[]) AS asked (conversation_id, message_id)
CROSS JOIN LATERAL shown_rows_of(asked.conversation_id, seqs_of(asked.conversation_id, ARRAY[asked.message_id])) m
WHERE (SELECT p.joined_seq FROM participants p WHERE p.conversation_id = asked.conversation_id AND p.user_id = $1
           AND p.left_seq IS NULL LIMIT 1) IS NOT NULL;

-- name: shown_messages_of
-- The same for one conversation, $2.
SELECT * FROM shown_rows_of($2, (SELECT seqs_of($2, $3)))
WHERE (SELECT p.joined_seq FROM participants p
       WHERE p.conversation_id = $2 AND p.user_id = $1 AND p.left_seq IS NULL LIMIT 1) IS NOT NULL;

-- name: messages_of
-- The messages $2 of conversation $1, as they are now.
SELECT * FROM shown_rows_of($1, (SELECT seqs_of($1, $2)));

-- name: message_at
-- The message of conversation $1 at seq $2, as it is now, where $3 may see it: a member now, who has neither hidden it
-- nor deleted it for themselves.
SELECT m.* FROM shown_rows_of($1, ARRAY[$2::int8]) m
WHERE m.seq > (SELECT p.hidden_seq FROM participants p
               WHERE p.conversation_id = $1 AND p.user_id = $3 AND p.left_seq IS NULL LIMIT 1)
    AND (SELECT d.seq FROM message_deletions d
         WHERE d.conversation_id = $1 AND d.user_id = $3 AND d.seq = m.seq LIMIT 1) IS NULL;

-- name: hidden_messages
-- Of the messages $3 of conversation $2, those that $1 has hidden or deleted for themselves.
SELECT m.id FROM (
    SELECT coalesce(max(p.hidden_seq), 0) AS hidden_seq FROM participants p WHERE p.conversation_id = $2 AND p.user_id = $1
) me
CROSS JOIN unnest($3::uuid[]) AS asked (id)
CROSS JOIN LATERAL (SELECT x.id, x.seq, x.conversation_id FROM messages x WHERE x.id = asked.id LIMIT 1) m
WHERE m.conversation_id = $2 AND (m.seq <= me.hidden_seq
    OR (SELECT d.seq FROM message_deletions d
        WHERE d.conversation_id = $2 AND d.user_id = $1 AND d.seq = m.seq LIMIT 1) IS NOT NULL);

-- name: edit_message
SELECT verdict, conversation_id, seq FROM edit_message($1, $2, $3, $4, $5, $6, $7);

-- name: erase_message
SELECT verdict, conversation_id, seq FROM erase_message($1, $2);

-- name: delete_message_for_self
SELECT verdict, conversation_id, seq FROM delete_message_for_self($1, $2);
