-- name: history_bounds
-- What the reader $1 may read of conversation $2. No row where they are no member.
SELECT * FROM bounds_of($1, $2);

-- name: history_before
-- What $1 may read of conversation $2 (as `history_bounds`), with a page of the $4 messages before seq $3, newest first:
-- a row without a message where there are none, and no row where they are no member.
SELECT bounds.*, page.*
FROM bounds_of($1, $2) bounds
LEFT JOIN LATERAL shown_rows_of($2, seqs_of_page(ARRAY(
    SELECT (s.seq, octet_length(s.ciphertext))::sized_message FROM messages s
    WHERE s.conversation_id = $2 AND s.seq < $3 AND s.seq > bounds.hidden_seq
        AND (bounds.deleted = 0 OR (SELECT d.seq FROM message_deletions d
             WHERE d.conversation_id = $2 AND d.user_id = $1 AND d.seq = s.seq LIMIT 1) IS NULL)
    ORDER BY s.seq DESC LIMIT $4))) page ON true
ORDER BY page.seq DESC;

-- name: history_after
-- The same with the $4 messages after seq $3, oldest first.
SELECT bounds.*, page.*
FROM bounds_of($1, $2) bounds
LEFT JOIN LATERAL shown_rows_of($2, seqs_of_page(ARRAY(
    SELECT (s.seq, octet_length(s.ciphertext))::sized_message FROM messages s
    WHERE s.conversation_id = $2 AND s.seq > greatest($3, bounds.hidden_seq)
        AND (bounds.deleted = 0 OR (SELECT d.seq FROM message_deletions d
             WHERE d.conversation_id = $2 AND d.user_id = $1 AND d.seq = s.seq LIMIT 1) IS NULL)
    ORDER BY s.seq LIMIT $4))) page ON true
ORDER BY page.seq;

-- name: history_numbered
-- The same with the $4 messages after which $3 newer ones come, oldest first: a page by offset costs the same at
-- any depth. The newest ones are those that are kept where the page ends by its bytes.
SELECT bounds.*, page.*
FROM bounds_of($1, $2) bounds
LEFT JOIN LATERAL shown_rows_of($2, seqs_of_page(ARRAY(
    SELECT (s.seq, octet_length(s.ciphertext))::sized_message FROM messages s
    WHERE uuid_send(s.conversation_id) = uuid_send($2)
        AND s.number BETWEEN greatest(bounds.last_number - $3 - $4, bounds.hidden_number) + 1 AND bounds.last_number - $3
        AND (bounds.deleted = 0 OR (SELECT d.seq FROM message_deletions d
             WHERE d.conversation_id = $2 AND d.user_id = $1 AND d.seq = s.seq LIMIT 1) IS NULL)
    ORDER BY s.number DESC))) page ON true
ORDER BY page.number;

-- name: message_numbered
-- Where message $2 of conversation $1 stands.
SELECT seq FROM messages WHERE uuid_send(conversation_id) = uuid_send($1) AND number = $2;
