-- name: post_messages
-- Locks, judges and writes a batch in one round trip (migrations/0006_group_commit.sql).
SELECT * FROM post_messages($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: message_by_id
-- $1 the reader, $2 the message: only where the reader is a member now, and has not deleted it for themselves.
SELECT m.* FROM message_rows m
JOIN participants me ON me.conversation_id = m.conversation_id AND me.user_id = $1 AND me.left_seq IS NULL
WHERE m.id = $2 AND m.seq > me.hidden_seq
    AND NOT EXISTS (SELECT FROM message_deletions d
                    WHERE d.conversation_id = m.conversation_id AND d.user_id = $1 AND d.seq = m.seq);

-- name: history_bounds
-- What the reader $1 may read of conversation $2. No row where they are no member.
SELECT me.hidden_seq, me.hidden_number, c.last_number, c.pruned_seq,
    (SELECT count(*) FROM message_deletions d WHERE d.conversation_id = c.id AND d.user_id = $1
        AND d.seq > me.hidden_seq) AS deleted
FROM participants me JOIN conversations c ON c.id = me.conversation_id
WHERE me.conversation_id = $2 AND me.user_id = $1 AND me.left_seq IS NULL AND c.is_active;

-- name: history_before
-- What $1 may read of conversation $2 (as `history_bounds`), with the $4 messages before seq $3, newest first:
-- a row without a message where there are none, and no row where they are no member. (OFFSET 0: or what they deleted is
-- counted for every row. Which messages is found out first: or everything before that seq would be shown and sorted.)
SELECT bounds.*, page.*
FROM (SELECT me.hidden_seq, me.hidden_number, c.last_number, c.pruned_seq,
          (SELECT count(*) FROM message_deletions d WHERE d.conversation_id = c.id AND d.user_id = $1
              AND d.seq > me.hidden_seq) AS deleted
      FROM participants me JOIN conversations c ON c.id = me.conversation_id
      WHERE me.conversation_id = $2 AND me.user_id = $1 AND me.left_seq IS NULL AND c.is_active
      OFFSET 0) bounds
LEFT JOIN LATERAL (
    SELECT * FROM shown_rows_of($2) m
    WHERE m.seq = ANY (ARRAY (
        SELECT s.seq FROM messages s
        WHERE s.conversation_id = $2 AND s.seq < $3 AND s.seq > bounds.hidden_seq
            AND NOT EXISTS (SELECT FROM message_deletions d
                            WHERE d.conversation_id = $2 AND d.user_id = $1 AND d.seq = s.seq)
        ORDER BY s.seq DESC LIMIT $4))) page ON true
ORDER BY page.seq DESC;

-- name: history_after
-- The same with the $4 messages after seq $3, oldest first.
SELECT bounds.*, page.*
FROM (SELECT me.hidden_seq, me.hidden_number, c.last_number, c.pruned_seq,
          (SELECT count(*) FROM message_deletions d WHERE d.conversation_id = c.id AND d.user_id = $1
              AND d.seq > me.hidden_seq) AS deleted
      FROM participants me JOIN conversations c ON c.id = me.conversation_id
      WHERE me.conversation_id = $2 AND me.user_id = $1 AND me.left_seq IS NULL AND c.is_active
      OFFSET 0) bounds
LEFT JOIN LATERAL (
    SELECT * FROM shown_rows_of($2) m
    WHERE m.seq = ANY (ARRAY (
        SELECT s.seq FROM messages s
        WHERE s.conversation_id = $2 AND s.seq > greatest($3, bounds.hidden_seq)
            AND NOT EXISTS (SELECT FROM message_deletions d
                            WHERE d.conversation_id = $2 AND d.user_id = $1 AND d.seq = s.seq)
        ORDER BY s.seq LIMIT $4))) page ON true
ORDER BY page.seq;

-- name: history_numbered
-- The same with the $4 messages after which $3 newer ones come, oldest first: a page by offset costs the same at
-- any depth.
SELECT bounds.*, page.*
FROM (SELECT me.hidden_seq, me.hidden_number, c.last_number, c.pruned_seq,
          (SELECT count(*) FROM message_deletions d WHERE d.conversation_id = c.id AND d.user_id = $1
              AND d.seq > me.hidden_seq) AS deleted
      FROM participants me JOIN conversations c ON c.id = me.conversation_id
      WHERE me.conversation_id = $2 AND me.user_id = $1 AND me.left_seq IS NULL AND c.is_active
      OFFSET 0) bounds
LEFT JOIN LATERAL (
    SELECT * FROM shown_rows_of($2) m
    WHERE m.number BETWEEN greatest(bounds.last_number - $3 - $4, bounds.hidden_number) + 1
            AND bounds.last_number - $3
        AND NOT EXISTS (SELECT FROM message_deletions d
                        WHERE d.conversation_id = $2 AND d.user_id = $1 AND d.seq = m.seq)
    ORDER BY m.number) page ON true
ORDER BY page.number;

-- name: message_numbered
-- Where message $2 of conversation $1 stands.
SELECT seq FROM messages WHERE conversation_id = $1 AND number = $2;

-- name: last_messages
-- The newest message that the reader $1 sees in each of the conversations $2.
SELECT m.* FROM unnest($2::uuid[]) AS asked (id)
JOIN participants me ON me.conversation_id = asked.id AND me.user_id = $1 AND me.left_seq IS NULL
CROSS JOIN LATERAL (
    SELECT * FROM message_rows r
    WHERE r.conversation_id = asked.id AND r.seq > me.hidden_seq
        AND NOT EXISTS (SELECT FROM message_deletions d
                        WHERE d.conversation_id = r.conversation_id AND d.user_id = $1 AND d.seq = r.seq)
    ORDER BY r.seq DESC LIMIT 1) m;

-- name: pins
-- $3 of the pinned messages of conversation $2 that its member $1 sees, the last one pinned first, after $4.
SELECT m.* FROM participants me
JOIN pins p ON p.conversation_id = me.conversation_id
JOIN message_rows m ON m.id = p.message_id AND m.conversation_id = p.conversation_id AND m.seq > me.hidden_seq
WHERE me.conversation_id = $2 AND me.user_id = $1 AND me.left_seq IS NULL
    AND NOT EXISTS (SELECT FROM message_deletions d
                    WHERE d.conversation_id = m.conversation_id AND d.user_id = $1 AND d.seq = m.seq)
ORDER BY p.pinned_at DESC, p.message_id LIMIT $3 OFFSET $4;

-- name: pin_count
-- How many pinned messages of conversation $2 its member $1 sees. No row where they are no member.
SELECT (SELECT count(*) FROM pins p
        JOIN messages m ON m.id = p.message_id AND m.seq > me.hidden_seq
        WHERE p.conversation_id = me.conversation_id
            AND NOT EXISTS (SELECT FROM message_deletions d
                            WHERE d.conversation_id = m.conversation_id AND d.user_id = $1 AND d.seq = m.seq)) AS total
FROM participants me JOIN conversations c ON c.id = me.conversation_id AND c.is_active
WHERE me.conversation_id = $2 AND me.user_id = $1 AND me.left_seq IS NULL;
