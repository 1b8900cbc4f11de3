-- name: search_conversations
-- $1's conversations with messages that they may read, those with the newest messages first: at most $5. A page after the
-- first ranks them as they stood at $2, when the first was made, and goes on with the one at $3 and $4, that one included.
SELECT c.id, c.said_at, c.last_number, me.hidden_number FROM participants me
CROSS JOIN LATERAL (
    SELECT x.id, x.is_active, x.last_number,
        CASE WHEN x.last_message_at > $2::timestamptz THEN said_by(x.id, x.last_number, $2)
            ELSE coalesce(x.last_message_at, to_timestamp(0)) END AS said_at
    FROM conversations x WHERE x.id = me.conversation_id LIMIT 1) c
WHERE me.user_id = $1 AND me.left_seq IS NULL AND c.is_active AND c.last_number > me.hidden_number
    AND ($3::timestamptz IS NULL OR (c.said_at, c.id) <= ($3, $4::uuid))
ORDER BY c.said_at DESC, c.id DESC LIMIT $5;

-- name: search_segments
-- The segments of conversations $1 from the ones in $2 to the ones in $3, the last ones first. sealed is null where nothing
-- lies between the times $4 and $5, and where it is skipped: 4 MiB came before it.
SELECT s.conversation_id, s.segment, s.last_number, s.key_id, s.form, s.bytes_before > 4194304 AS is_skipped,
    CASE WHEN s.is_meant AND s.bytes_before <= 4194304 THEN s.sealed END AS sealed
FROM (
    SELECT x.*, coalesce(sum(octet_length(x.sealed)) FILTER (WHERE x.is_meant) OVER (
        ORDER BY a.place, x.segment DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes_before
    FROM unnest($1::uuid[], $2::int8[], $3::int8[]) WITH ORDINALITY AS a (id, first, last, place)
    CROSS JOIN LATERAL (
        SELECT y.*, ($4::timestamptz IS NULL OR y.first_at < $4) AND ($5::timestamptz IS NULL OR y.last_at > $5) AS is_meant
        FROM search_segments y WHERE y.conversation_id = a.id AND y.segment BETWEEN a.first AND a.last
        ORDER BY y.segment OFFSET 0) x) s;

-- name: search_messages
-- What was said in conversations $1 from the numbers in $2 to the ones in $3, in the order in which they are given, the
-- newest first: until it is 4 MiB, and one message at least.
SELECT s.place, s.number, s.id, s.conversation_id, s.sender_id, s.message_type, s.version, s.key_id, s.nonce, s.ciphertext,
    s.reply_to_message_id, s.is_announcement, s.created_at
FROM (
    SELECT a.place, x.*, coalesce(sum(octet_length(x.ciphertext)) OVER (
        ORDER BY a.place, x.number DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes_before
    FROM unnest($1::uuid[], $2::int8[], $3::int8[]) WITH ORDINALITY AS a (id, first, last, place)
    CROSS JOIN LATERAL (
        SELECT * FROM messages y
        WHERE uuid_send(y.conversation_id) = uuid_send(a.id) AND y.number BETWEEN a.first AND a.last
        ORDER BY y.number OFFSET 0) x) s
WHERE s.bytes_before <= 4194304
ORDER BY s.place, s.number DESC;

-- name: search_shown
-- The messages of numbers $3 of the conversations $2, one for each, as they are now, where $1 may see them: a member now,
-- who has neither hidden them nor deleted them for themselves. Erased ones are left out.
SELECT m.* FROM (
    SELECT a.id, array_agg(a.number) AS numbers FROM unnest($2::uuid[], $3::int8[]) AS a (id, number) GROUP BY a.id) asked
CROSS JOIN LATERAL bounds_of($1, asked.id) bounds
CROSS JOIN LATERAL shown_rows_of(asked.id, ARRAY(
    SELECT s.seq FROM unnest(asked.numbers) AS n (number) CROSS JOIN LATERAL (
        SELECT x.seq, x.deleted_at FROM messages x
        WHERE uuid_send(x.conversation_id) = uuid_send(asked.id) AND x.number = n.number LIMIT 1) s
    WHERE s.seq > bounds.hidden_seq AND s.deleted_at IS NULL
        AND (SELECT d.seq FROM message_deletions d
             WHERE d.conversation_id = asked.id AND d.user_id = $1 AND d.seq = s.seq LIMIT 1) IS NULL)) m;

-- name: search_gaps
-- The segments of conversation $1 below $4 that are missing, sealed by another key than $2 or in another form than $3, or
-- have 32 messages to be added: at most $5, the newest first, each with the last number that there is for it.
SELECT g.segment, g.last_number FROM (
    SELECT n.segment, least(c.last_number, (n.segment + 1) * 256) AS last_number
    FROM (SELECT x.last_number FROM conversations x WHERE x.id = $1 AND x.is_active LIMIT 1) c
    CROSS JOIN generate_series(least((c.last_number - 1) / 256, $4::int8 - 1), 0, -1) AS n (segment)) g
LEFT JOIN LATERAL (
    SELECT y.last_number, y.is_full, y.key_id, y.form FROM search_segments y
    WHERE y.conversation_id = $1 AND y.segment = g.segment LIMIT 1) s ON true
WHERE s.key_id <> $2 OR s.form <> $3 OR (s.is_full IS NOT TRUE
    AND (g.last_number = (g.segment + 1) * 256 OR g.last_number - coalesce(s.last_number, g.segment * 256) >= 32))
LIMIT $5;

-- name: keep_segment
SELECT keep_segment($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS is_kept;

-- name: forget_segment
-- What does not open is made anew.
DELETE FROM search_segments WHERE conversation_id = $1 AND segment = $2 AND sealed = $3;

-- name: search_everywhere
-- The conversations that may be searched, after the one $1: at most $2, and how many messages each has.
SELECT c.id, c.last_number FROM conversations c
WHERE c.id > $1 AND c.is_active AND c.last_number > 0 ORDER BY c.id LIMIT $2;

-- name: search_total
-- How many messages there are in conversations that may be searched.
SELECT coalesce(sum(c.last_number), 0)::int8 AS messages FROM conversations c WHERE c.is_active;
