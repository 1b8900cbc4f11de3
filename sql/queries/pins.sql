-- name: set_pin
SELECT verdict, conversation_id, seq FROM set_pin($1, $2, $3, $4);

-- name: pins
-- $3 of the pinned messages of conversation $2 that its member $1 sees, the last one pinned first, after $4; they end
-- with the first that comes after one that ends a page by its bytes.
SELECT m.* FROM (
    SELECT shown.*, sum(shown.size) OVER (
        ORDER BY shown.pinned_at DESC, shown.message_id ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING) AS bytes
    FROM bounds_of($1, $2) bounds CROSS JOIN LATERAL (
        SELECT p.pinned_at, p.message_id, x.seq, x.size FROM pins p
        CROSS JOIN LATERAL (
            SELECT s.seq, octet_length(s.ciphertext) AS size FROM messages s WHERE s.id = p.message_id LIMIT 1) x
        WHERE uuid_send(p.conversation_id) = uuid_send($2) AND x.seq > bounds.hidden_seq
            AND (SELECT d.seq FROM message_deletions d
                 WHERE d.conversation_id = $2 AND d.user_id = $1 AND d.seq = x.seq LIMIT 1) IS NULL
        ORDER BY p.pinned_at DESC, p.message_id LIMIT $3 OFFSET $4) shown) sized
CROSS JOIN LATERAL shown_rows_of($2, ARRAY[sized.seq]) m
WHERE coalesce(sized.bytes, 0) < 1048576
ORDER BY sized.pinned_at DESC, sized.message_id;

-- name: pin_count
-- How many pinned messages of conversation $2 its member $1 sees. No row where they are no member.
SELECT (SELECT count(*) FROM pins p
        CROSS JOIN LATERAL (SELECT s.seq FROM messages s WHERE s.id = p.message_id LIMIT 1) x
        WHERE p.conversation_id = $2 AND x.seq > bounds.hidden_seq
            AND (SELECT d.seq FROM message_deletions d
                 WHERE d.conversation_id = $2 AND d.user_id = $1 AND d.seq = x.seq LIMIT 1) IS NULL) AS total
FROM bounds_of($1, $2) bounds;
